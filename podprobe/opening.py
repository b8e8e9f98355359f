"""From a target as the user writes it to something that can be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from podprobe.configured import load
from podprobe.errors import GoneError, UsageError
from podprobe.targets.recording import Recording, is_stream, last_of_stream, with_rotated
from podprobe.targets.resolve import open_target, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
        self._recording: Sequence[Snapshot] | Recording = ()
        if is_stream(path):
            self._snapshot = last_of_stream(path)
        else:
            self._recording = Recording(*with_rotated(path))
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


class Follower:
    """A workload's Pod; when that is gone, the Pod that the workload has then.

    Args:
        open_session: resolves the workload anew, to its newest ready Pod.
    """

    def __init__(self, open_session: Callable[[], Looker]) -> None:
        self._open = open_session
        self._session = open_session()

    @property
    def label(self) -> str:
        """Of the Pod that is looked at now."""
        return self._session.label

    def declared(self) -> Snapshot:
        """What is known at once."""
        return self._session.declared()

    def look(self) -> Snapshot:
        """One complete look; at another Pod than the one before, where that is gone.

        Raises:
            LookError: as of `Session.look`; also where the workload has no other Pod yet.
        """
        try:
            return self._session.look()
        except GoneError:
            self._session.close()
            self._session = self._open()
            return self._session.look()

    @property
    def past(self) -> Iterable[Snapshot]:
        """The looks before the last at the same Pod, oldest first."""
        return self._session.past

    def capturer(self) -> Agent:
        """An agent that may capture packets."""
        return self._session.capturer()

    def close(self) -> None:
        """Let go of it."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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

    config = load()

    def open_session() -> Session:
        return Session(open_target(ref, access), options, progress, config)

    return open_session() if ref.kind in ("pod", "local") else Follower(open_session)
