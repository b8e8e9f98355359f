"""A live target: looks in a thread, again every interval, and again after every failure."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Protocol

from podprobe.errors import AccessError, PodprobeError, UsageError
from podprobe.tui.sources.base import Failed, Looked, Progressed, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Snapshot
    from podprobe.targets.base import Progress

BACKOFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Between attempts, by how many have failed in a row."""

_NAP_SECONDS = 0.1


class Looker(Protocol):
    """What a `podprobe.session.Session` does for the live view."""

    def declared(self) -> Snapshot:
        """What is known without agents."""

    def look(self) -> Snapshot:
        """One complete look."""

    def close(self) -> None:
        """Let go of the target."""


class LiveSource:
    """Snapshots of a target, one every interval.

    Args:
        label: how the user named the target.
        open_session: opens it; called in the reader's thread, because loading a cluster client takes longer than the
            first paint may. It is given a function that takes progress.
        interval: seconds from the start of one look to the start of the next.
    """

    live = True

    def __init__(
        self,
        label: str,
        open_session: Callable[[Callable[[Progress], None]], Looker],
        interval: float = 1.0,
    ) -> None:
        self.label = label
        self.interval = interval
        self._open = open_session
        self._closed = threading.Event()
        self._paused = threading.Event()

    def run(self, report: Callable[[Report], None]) -> None:
        """Look until closed. Nothing that a look raises ends the view."""
        session: Looker | None = None
        failures = 0
        declared = False
        while not self._closed.is_set():
            if self._paused.is_set():
                self._closed.wait(_NAP_SECONDS)
                continue
            started = time.monotonic()
            try:
                if session is None:
                    session = self._open(lambda progress: report(Progressed(progress)))
                if not declared:
                    report(Looked(session.declared(), declared=True))
                    declared = True
                report(Looked(session.look()))
                failures = 0
                wait = max(0.0, self.interval - (time.monotonic() - started))
            except Exception as error:  # noqa: BLE001  # the view outlives every failure, foreseen or not
                if self._closed.is_set():
                    break
                wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                failures += 1
                report(Failed(_said(error), None if isinstance(error, UsageError) else wait))
                if isinstance(error, UsageError):
                    break
                if isinstance(error, AccessError):
                    # Credentials are read when the target is opened: open it anew.
                    _close(session)
                    session = None
            self._closed.wait(wait)
        _close(session)

    def pause(self, paused: bool) -> None:
        """Stop looking, or go on."""
        if paused:
            self._paused.set()
        else:
            self._paused.clear()

    def seek(self, by: int) -> None:
        """A live target has no past to move in."""

    def close(self) -> None:
        """End after the look that is under way."""
        self._closed.set()


def _close(session: Looker | None) -> None:
    if session is not None:
        with contextlib.suppress(Exception):  # nothing is left to be done with it
            session.close()


def _said(error: Exception) -> PodprobeError:
    if isinstance(error, PodprobeError):
        return error
    return PodprobeError(
        f"a look failed unexpectedly: {type(error).__name__}: {error}",
        "this is a defect of podprobe's: please report it",
    )
