"""Which Pod? Type to filter, enter to look."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from podprobe.errors import PodprobeError
from podprobe.report.neutral import neutral
from podprobe.tui.drawing import Line, Span, said, words
from podprobe.tui.panels import bars
from podprobe.tui.views import pods
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.rows import terms
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from podprobe.tui.app import PodprobeApp
    from podprobe.tui.drawing import Target
    from podprobe.tui.views.pods import PodChoice
    from podprobe.tui.views.table import Section
    from podprobe.tui.widgets.painter import Painter


_AGAIN_SECONDS = 5.0


class Listing(NamedTuple):
    """What a list of Pods shows."""

    place: str
    """Where they are, in words: the namespace and the context."""
    pods: Sequence[PodChoice]


class Listed(Message):
    """The Pods have been listed."""

    def __init__(self, listing: Listing | None, error: PodprobeError | None, taken_at: str) -> None:
        super().__init__()
        self.listing = listing
        self.error = error
        self.taken_at = taken_at


class PickerScreen(Screen[None]):
    """The Pods of a cluster.

    Listed again every few seconds: whoever waits for a Pod need not ask.

    Args:
        find: lists them, of every namespace or of one; called in a thread.
        now: the present time, RFC 3339.
        everywhere: every namespace, to begin with.
    """

    app: PodprobeApp

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (170, "-wide")]  # noqa: RUF012  # a list, as textual declares it

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "look at this Pod", priority=True),
        Binding("up", "step(-1)", "up", priority=True, show=False),
        Binding("down", "step(1)", "down", priority=True, show=False),
        Binding("pageup", "page(-1)", "page up", priority=True, show=False),
        Binding("pagedown", "page(1)", "page down", priority=True, show=False),
        Binding("ctrl+a", "everywhere", "every namespace, or the one again", priority=True),
        Binding("ctrl+r", "again", "list them again"),
        Binding("f1", "app.keys", "keys of this screen"),
        Binding("escape", "clear", "no filter; with none, quit"),
    ]

    keys: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("enter", "enter", "look at it"),
        ("ctrl+a", "ctrl a", "every namespace"),
        ("ctrl+r", "ctrl r", "list again"),
        ("f1", "F1", "help"),
        ("escape", "esc", "quit"),
    )

    def __init__(
        self, find: Callable[[bool], Listing], now: Callable[[], str], *, everywhere: bool = False
    ) -> None:
        super().__init__()
        self._place = ""
        self._find = find
        self._now = now
        self._everywhere = everywhere
        self._pods: Sequence[PodChoice] = ()
        self._taken_at = ""
        self._error: PodprobeError | None = None
        self._listing = True
        self._asked = 0
        """Questions so far: only the answer to the last one is wanted."""
        self._answered = 0

    def compose(self) -> ComposeResult:
        """Title, filter, Pods, keys."""
        yield Sheet(id="header", direct=True)
        yield Input(
            placeholder="type to filter: name, namespace, node, owner, phase", id="pod-filter", compact=True
        )
        yield Sheet(id="banner", direct=True)
        yield Grid(id="pods", classes="view")
        yield Sheet(id="keys", direct=True)

    def on_mount(self) -> None:
        """Begin to list."""
        self.query_one("#pods", Grid).can_focus = False
        self.query_one("#keys", Sheet).show(lambda width, _: bars.keybar(width, self.keys))
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()
        self.action_again()
        self.set_interval(_AGAIN_SECONDS, self._quietly)

    def action_again(self) -> None:
        """List the Pods."""
        self._listing = True
        self._paint()
        self._begin()

    def action_everywhere(self) -> None:
        """Of every namespace, or of the one."""
        self._everywhere = not self._everywhere
        self.action_again()

    def _quietly(self) -> None:
        """Again, where this is what the user looks at and nothing is under way."""
        if self.is_current and self._asked == self._answered:
            self._begin()

    def _begin(self) -> None:
        self._asked += 1
        threading.Thread(target=self._list, args=(self._asked,), name="podprobe list", daemon=True).start()

    def _list(self, number: int) -> None:
        listing, failure = None, None
        try:
            listing = self._find(self._everywhere)
        except PodprobeError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # shown, with the way to try again
            failure = PodprobeError(f"listing Pods failed: {type(error).__name__}: {error}")
        # Whoever has asked for something else meanwhile does not want this any more.
        if number == self._asked:
            self.post_message(Listed(listing, failure, self._now()))

    def on_listed(self, message: Listed) -> None:
        """Show them. What was listed before stays where it cannot be listed now."""
        self._answered = self._asked
        self._error, self._taken_at = message.error, message.taken_at
        if message.listing is not None:
            self._place = message.listing.place
            self._pods = pods.by_urgency(message.listing.pods)
        self._listing = False
        self._paint()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Narrow at once."""
        message.stop()
        self._paint()

    def _paint(self) -> None:
        self.query_one("#header", Sheet).show(lambda _width, _height: [self._title()])
        banner = self.query_one("#banner", Sheet)
        lines: list[Line] = []
        if self._error is not None:
            lines = words(neutral(self._error.message, 600), self.size.width - 2, "critical", "   ", " ✖ ")
            lines += (
                words(neutral(self._error.hint, 300), self.size.width - 2, "", "   ", " → ")
                if self._error.hint
                else []
            )
        banner.display = bool(lines)
        banner.styles.height = len(lines) or 1
        banner.show(lambda _width, _height: lines)
        self.query_one("#pods", Grid).show([self._section()], terms(self.query_one(Input).value))

    def _title(self) -> Line:
        state = "  ◌ listing Pods …" if self._listing else ""
        return (
            Span(" podprobe ", "title"),
            Span(" which Pod? ", "strong"),
            said(self._place, "dim"),
            Span(state, "warning"),
        )

    def _section(self) -> Section:
        empty = "listing …" if self._listing else "" if self._error else "there is no Pod here"
        return pods.section(self._pods, self._taken_at, empty)

    def action_step(self, by: int) -> None:
        """To the next Pod."""
        self.query_one("#pods", Grid).action_step(by)

    def action_page(self, by: int) -> None:
        """A page on."""
        self.query_one("#pods", Grid).action_page(by)

    def action_choose(self) -> None:
        """Look at the Pod under the cursor."""
        self._open(self.query_one("#pods", Grid).pointed)

    def action_clear(self) -> None:
        """No filter; with none, quit."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.app.exit()

    def on_painter_chosen(self, message: Painter.Chosen) -> None:
        """A click on the row of the cursor, or on a key."""
        if isinstance(message.target, tuple) and message.target[0] == "key":
            self.app.press(str(message.target[1]))
        else:
            self._open(message.target)

    def _open(self, target: Target | None) -> None:
        if isinstance(target, tuple) and target[0] == "pod":
            self.app.look_at(str(target[1]), str(target[2]))
