"""What the screens that lie over the Pod have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from podprobe.tui.panels import bars
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from podprobe.tui.app import PodprobeApp
    from podprobe.tui.widgets.painter import Painter


class Overlay(ModalScreen[None]):
    """A frame with a title, a body, and a bar of keys."""

    app: PodprobeApp

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (170, "-wide")]  # noqa: RUF012  # a list, as textual declares it

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        Binding("q", "back", "back", show=False),
        Binding("tab", "app.focus_next", "next region", show=False),
        Binding("shift+tab", "app.focus_previous", "region before", show=False),
        Binding("o", "app.jump", "jump: a letter beside everything in sight, press one to go there"),
        Binding("question_mark", "app.keys", "keys of this screen"),
        Binding("t", "app.next_theme", "next theme: dark, light, 16 colours", show=False),
    ]

    title_text: ClassVar[str] = ""
    keys: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("escape", "esc", "back"),
        ("question_mark", "?", "help"),
    )

    def body(self) -> Widget:
        """What is in the frame."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The frame."""
        frame = Vertical(self.body(), Sheet(id="overlay-keys", direct=True), id="frame")
        frame.border_title = self.title_text
        yield frame

    def on_mount(self) -> None:
        """Draw the keys."""
        self.query_one("#overlay-keys", Sheet).show(lambda width, _: bars.keybar(width, self.keys))

    def on_painter_chosen(self, message: Painter.Chosen) -> None:
        """A key of the bar was clicked, or something in the body was chosen."""
        target = message.target
        if isinstance(target, tuple) and target[0] == "key":
            self.app.press(str(target[1]))
        else:
            self.chosen(target)

    def chosen(self, target: object) -> None:
        """Something in the body was chosen."""

    def action_back(self) -> None:
        """To where one came from."""
        self.dismiss()
