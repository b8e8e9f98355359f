"""The command palette: what can be done as things stand, and no more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from textual.command import DiscoveryHit, Hit, Provider

from podprobe.report.neutral import neutral
from podprobe.tui import keys, themes
from podprobe.tui.panels.findings import ordered
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.command import Hits

    from podprobe.tui.app import PodprobeApp

_FINDINGS = 30


class Command(NamedTuple):
    """An entry of the palette."""

    title: str
    tells: str
    run: Callable[[], object]


class Commands(Provider):
    """Commands for the Pod's screen, and for the application."""

    async def discover(self) -> Hits:
        """Everything, before a word is typed."""
        for command in self._commands():
            yield DiscoveryHit(
                _escaped(command.title), command.run, text=command.title, help=_escaped(command.tells)
            )

    async def search(self, query: str) -> Hits:
        """What matches the words."""
        matcher = self.matcher(query)
        for command in self._commands():
            score = matcher.match(command.title)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(command.title),
                    command.run,
                    text=command.title,
                    help=_escaped(command.tells),
                )

    def _commands(self) -> Iterator[Command]:
        app: PodprobeApp = self.app  # type: ignore[assignment]
        screen = self.screen
        if isinstance(screen, PodScreen):
            yield from _for_pod(screen)
        for theme in themes.THEMES:
            if theme.name != app.theme:
                yield Command(
                    f"Theme: {theme.name.removeprefix('podprobe-')}",
                    "colours",
                    partial(setattr, app, "theme", theme.name),
                )
        yield Command("Jump", "a letter beside everything in sight", app.action_jump)
        yield Command("Keys", "of this screen", app.action_keys)
        yield Command("Quit", "the agents end by themselves", app.exit)


def _for_pod(screen: PodScreen) -> Iterator[Command]:
    situation, state = screen.situation, screen.state
    live = screen.source.live
    if situation.paused:
        yield Command("Go on" if live else "Play", "the picture stands still", screen.action_pause)
    else:
        yield Command("Pause", "stop the picture", screen.action_pause)
    if state is None:
        return
    if situation.recording is not None:
        yield Command("Stop recording", f"{situation.recorded} snapshots so far", screen.action_record)
    elif live:
        yield Command("Record", "every snapshot from now on, one per line", screen.action_record)
    yield Command("Save", "this snapshot as JSON", screen.action_save)
    yield Command("Compare", "with a saved snapshot", screen.action_diff)
    if live:
        going = situation.capturing is not None
        tells = f"{situation.capturing:,} so far" if going else "what they say of each flow; needs NET_RAW"
        yield Command("Packets being captured" if going else "Capture packets", tells, screen.action_capture)
    yield Command("What is not seen", "and what would allow it", screen.action_visibility)
    for view in VIEWS:
        if view.name != screen.view:
            yield Command(
                f"View: {view.title}",
                view.tells,
                partial(screen.go_to, view.name),
            )
    if state.focus is not None:
        yield Command("All containers", "take the focus off", partial(screen.focus_on, None))
    for container in state.snapshot.containers:
        if container.name != state.focus and container.kind != "ephemeral":
            yield Command(
                f"Only {neutral(container.name)}",
                "restrict the views to this container",
                partial(screen.focus_on, container.name),
            )
    for finding in ordered(state)[:_FINDINGS]:
        title = neutral(f"{finding.code} {finding.title}: {finding.subject}")
        yield Command(title, finding.severity, partial(screen.open, keys.of_finding(finding)))


def _escaped(text: str) -> str:
    """The palette reads markup; ours has none."""
    return text.replace("[", "\\[")
