"""From a target as the user writes it to something that can be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from podprobe.configured import load
from podprobe.errors import UsageError
from podprobe.targets.recording import Recording
from podprobe.targets.resolve import open_target, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podprobe.agents.client import Agent
    from podprobe.model import Snapshot
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access
    from podprobe.targets.base import Progress


class Looker(Protocol):
    """What can be looked at: a `Session`, or a snapshot taken earlier."""

    @property
    def label(self) -> str:
        """How the user would name it: `default/mc3`."""

    def declared(self) -> Snapshot:
        """What is known at once."""

    def look(self) -> Snapshot:
        """One complete look."""

    @property
    def past(self) -> Iterable[Snapshot]:
        """The looks before the last, oldest first."""

    def capturer(self) -> Agent:
        """An agent that may capture packets."""

    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Recorded:
    """A snapshot in a file, of a recording the last: looking at it again shows the same."""

    def __init__(self, path: Path) -> None:
        self.label = f"file:{path}"
        self._recording = Recording(path)
        self._snapshot = self._recording[-1]

    def declared(self) -> Snapshot:
        """The snapshot."""
        return self._snapshot

    def look(self) -> Snapshot:
        """The snapshot."""
        return self._snapshot

    @property
    def past(self) -> Iterable[Snapshot]:
        """What the recording holds before its last snapshot."""
        return (self._recording[index] for index in range(len(self._recording) - 1))

    def capturer(self) -> Agent:
        """There is none.

        Raises:
            UsageError: always.
        """
        raise UsageError("a snapshot has no packets in it")

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def open_looker(
    target: str,
    access: Access,
    options: SessionOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Looker:
    """Open a target: `POD`, `deploy/NAME`, `local:PID`, `file:SNAPSHOT.json`, …

    Raises:
        UsageError: that is no target.
        LookError: it does not exist or cannot be reached.
        ConfigError: the configuration file is wrong.
    """
    ref = parse(target)
    if ref.kind == "file":
        return Recorded(Path(ref.name))
    from podprobe.session import Session

    return Session(open_target(ref, access), options, progress, load())
