"""What a source of snapshots is, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.agents.client import Agent
    from podprobe.errors import PodprobeError
    from podprobe.model import Snapshot
    from podprobe.targets.base import Progress
    from podprobe.tui.sources.survey import Survey


@dataclass(frozen=True)
class Looked:
    """There is a snapshot."""

    snapshot: Snapshot
    declared: bool = False
    """It holds only what is known without agents."""


@dataclass(frozen=True)
class Progressed:
    """A step on the way to the first snapshot."""

    progress: Progress


@dataclass(frozen=True)
class Failed:
    """A look failed; what is on the screen is stale from now on."""

    error: PodprobeError
    retry_seconds: float | None
    """Until the next attempt; `None`: there will be none."""


@dataclass(frozen=True)
class Timeline:
    """Where a recording stands."""

    position: int
    length: int
    playing: bool = False
    speed: float = 1.0


@dataclass(frozen=True)
class Moved:
    """A recording went to another place: the snapshot there, and those before it for the trends."""

    snapshot: Snapshot
    before: tuple[Snapshot, ...]
    timeline: Timeline
    step: bool
    """It is the one right after the last: the trends go on."""


@dataclass(frozen=True)
class Surveyed:
    """A recording has been looked through from end to end."""

    survey: Survey


Report: TypeAlias = Looked | Progressed | Failed | Moved | Surveyed


class SnapshotSource(Protocol):
    """Somewhere snapshots come from.

    `run` is called in a thread of its own and blocks until `close`; everything else may be called from any thread
    and returns at once.
    """

    @property
    def label(self) -> str:
        """What is looked at, as the user named it."""

    @property
    def live(self) -> bool:
        """New snapshots are being taken (not so for a file)."""

    @property
    def interval(self) -> float:
        """Seconds from one snapshot to the next."""

    def run(self, report: Callable[[Report], None]) -> None:
        """Report until closed."""

    def pause(self, paused: bool) -> None:
        """Stop taking (or playing) snapshots, or go on."""

    def seek(self, by: int) -> None:
        """Move in a recording by so many snapshots; nothing where there is no past to move in."""

    def seek_to(self, position: int) -> None:
        """Go to that snapshot of a recording, counted from 0; nothing where there is no past to move in."""

    def capturer(self) -> Agent:
        """An agent that may capture packets.

        Raises:
            PodprobeError: there is none; the message says why and the hint what to do.
        """

    @property
    def may_add_capturer(self) -> bool:
        """An agent that may capture can be asked for."""

    def add_capturer(self, progress: Callable[[Progress], None]) -> Agent:
        """Start an agent with NET_RAW beside the others. Blocks; the one thing here that does, beside `run`.

        Raises:
            PodprobeError: it was refused, or did not start.
        """

    def close(self) -> None:
        """End `run` and let go of everything."""
