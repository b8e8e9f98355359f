"""From what the command line says to the running view. Nothing heavy is imported before the first paint."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from podprobe.errors import UsageError
from podprobe.tui.app import Choice, PodprobeApp
from podprobe.tui.sources import LiveSource, RecordingSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from podprobe.model import Target
    from podprobe.targets.base import PodTarget, Progress
    from podprobe.tui.screens.picker import Listing
    from podprobe.tui.sources import Looker

THEMES = ("dark", "light", "16")


def watch(
    label: str,
    open_session: Callable[[Callable[[Progress], None]], Looker],
    *,
    interval: float = 1.0,
    theme: str | None = None,
    open_privileged: Callable[[Target], PodTarget] | None = None,
) -> None:
    """Show a live target until the user quits.

    Args:
        label: how the user named it.
        open_session: opens it; called in a thread, after the first paint.
        interval: seconds between looks.
        theme: one of `THEMES`; the one that suits the terminal where absent.
        open_privileged: opens the Pod once more, with agents that hold NET_RAW; only where the user asks for it.

    Raises:
        UsageError: there is no terminal.
    """
    _need_terminal()
    _run(PodprobeApp(LiveSource(label, open_session, interval, open_privileged), theme=_full(theme)))


def pick(
    find: Callable[[bool], Listing],
    open_session: Callable[[str, str, Callable[[Progress], None]], Looker],
    *,
    everywhere: bool = False,
    interval: float = 1.0,
    theme: str | None = None,
    open_privileged: Callable[[Target], PodTarget] | None = None,
) -> None:
    """Let the user choose a Pod, then show it.

    Args:
        find: lists them, of every namespace or of one; called in a thread.
        open_session: opens the Pod of that namespace and name.
        everywhere: begin with every namespace.
        interval: seconds between looks.
        theme: one of `THEMES`.
        open_privileged: as of `watch`.

    Raises:
        UsageError: there is no terminal.
    """
    _need_terminal()

    def source(namespace: str, name: str) -> LiveSource:
        return LiveSource(
            f"{namespace}/{name}",
            lambda progress: open_session(namespace, name, progress),
            interval,
            open_privileged,
        )

    _run(PodprobeApp(choice=Choice(find, source, everywhere=everywhere), theme=_full(theme)))


def replay(files: Sequence[Path], *, theme: str | None = None, against: Path | None = None) -> None:
    """Show snapshots and recordings.

    Args:
        files: in the order of their times.
        theme: one of `THEMES`.
        against: a snapshot that the first one shown is compared with.

    Raises:
        SnapshotError: a file cannot be read, or holds no snapshot.
        UsageError: there is no terminal.
    """
    source = RecordingSource(files)
    for number in {0, len(source) - 1}:
        source.read(number)
    if against is not None:
        from podprobe.tui.screens.diff import read

        read(against)
    _need_terminal()
    _run(PodprobeApp(source, theme=_full(theme), against=against))


def _run(app: PodprobeApp) -> None:
    app.run()
    for file, count in app.recorded.items():
        sys.stderr.write(f"podprobe: recorded {count} snapshots; see them with: podprobe replay {file}\n")


def _full(theme: str | None) -> str | None:
    return None if theme is None else f"podprobe-{theme}"


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the live view needs a terminal, and this is none",
            "podprobe watch TARGET --plain writes to a log or a pipe; podprobe snapshot TARGET looks once",
        )
    if not sys.stderr.isatty():
        raise UsageError(
            "the live view needs a terminal, and standard error, where it draws, is redirected",
            "leave out the redirection (2>): what goes wrong is told when the view ends",
        )
