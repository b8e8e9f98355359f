"""The application: themes, the first screen, the palette. What is shown is the screens' business."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from podprobe.tui import themes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import SystemCommand
    from textual.command import Provider
    from textual.screen import Screen

    from podprobe.tui.screens.picker import Listing
    from podprobe.tui.sources import SnapshotSource


def _commands() -> type[Provider]:
    from podprobe.tui.commands import Commands

    return Commands


class Choice:
    """What the picker needs: where to find Pods, and how to open the one that is chosen.

    Args:
        find: lists them, of every namespace or of one; called in a thread.
        open: a source for the Pod of that namespace and name.
        everywhere: every namespace, to begin with.
    """

    def __init__(
        self,
        find: Callable[[bool], Listing],
        open: Callable[[str, str], SnapshotSource],  # noqa: A002
        *,
        everywhere: bool = False,
    ) -> None:
        self.find = find
        self.open = open
        self.everywhere = everywhere


class PodprobeApp(App[None]):
    """The live view.

    Args:
        source: what to show; or
        choice: how to let the user choose a Pod.
        theme: name of a theme; the one that suits the terminal where absent.
        directory: where snapshots are saved; the working directory where absent.
        against: a saved snapshot; the first one shown is compared with it at once.
        clock: monotonic seconds; tests freeze it.
        today: the present time, RFC 3339; tests freeze it.
    """

    CSS_PATH = "app.tcss"
    TITLE = "podprobe"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        source: SnapshotSource | None = None,
        choice: Choice | None = None,
        *,
        theme: str | None = None,
        directory: Path | None = None,
        against: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], str] = lambda: datetime.now(UTC).isoformat(),
    ) -> None:
        super().__init__()
        self.source = source
        self.choice = choice
        self.clock = clock
        self.jumping = False
        """Letters stand beside what is in sight: the picture waits, or they would stand beside something else."""
        self.today = today
        self.recorded: dict[Path, int] = {}
        """Recordings that were made, with the number of their snapshots: told when the view has ended."""
        self.directory = directory or Path()
        self._against = against
        for one in themes.THEMES:
            self.register_theme(one)
        self.theme = theme or themes.suited()

    def get_default_screen(self) -> Screen[None]:
        """The Pod, or the choice of one: at once, without a blank screen before it."""
        if self.source is not None:
            from podprobe.tui.screens.main import PodScreen

            return PodScreen(self.source, self.directory)
        assert self.choice is not None
        from podprobe.tui.screens.picker import PickerScreen

        return PickerScreen(self.choice.find, self.today, everywhere=self.choice.everywhere)

    def look_at(self, namespace: str, name: str) -> None:
        """Open the Pod that was picked."""
        from podprobe.tui.screens.main import PodScreen

        assert self.choice is not None
        self.push_screen(PodScreen(self.choice.open(namespace, name), self.directory))

    def on_reported(self) -> None:
        """The screen has its first snapshot: say what differs, if that was asked for."""
        from podprobe.tui.screens.diff import DiffScreen
        from podprobe.tui.screens.main import PodScreen

        # The last report may come when the last screen has gone.
        screen = self.screen if self.screen_stack else None
        if self._against is None or not isinstance(screen, PodScreen) or screen.state is None:
            return
        against, self._against = self._against, None
        self.push_screen(DiffScreen(screen.state.snapshot, self.directory, against))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002  # textual's signature
        """None: podprobe's own commands know the state."""
        return ()

    def say(self, text: str, *, wrong: bool = False) -> None:
        """A short message at the corner; never read as markup."""
        self.notify(text, severity="error" if wrong else "information", markup=False, timeout=6)

    def press(self, key: str) -> None:
        """What a click on a key in the bar does."""
        event = events.Key(key, None)
        # Else its sender is the screen whose click this answers, and a message stops at the parent that sent it.
        event.set_sender(self)
        self.post_message(event)

    def action_next_theme(self) -> None:
        """Dark, light, 16 colours."""
        names = [one.name for one in themes.THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]

    def action_jump(self) -> None:
        """Letters beside what is in sight."""
        from podprobe.tui.screens.jump import JumpScreen, Place, labelled, places
        from podprobe.tui.screens.painting import Painting

        def go(place: Place | None) -> None:
            self.jumping = False
            for screen in self.screen_stack:
                if isinstance(screen, Painting):
                    screen.paint()
            if place is not None and place.painter.is_attached:
                self.screen.set_focus(place.painter)
                place.painter.point(place.target)

        if labels := labelled(places(self.screen)):
            self.jumping = True
            self.push_screen(JumpScreen(labels), go)

    def action_keys(self) -> None:
        """The keys of the present screen."""
        from podprobe.tui.screens.keys import KeysScreen

        if not isinstance(self.screen, KeysScreen):
            self.push_screen(KeysScreen(self.screen))
