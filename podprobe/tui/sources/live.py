"""A live target: looks in a thread, again every interval, and again after every failure."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Protocol

from podprobe.errors import AccessError, AgentError, UsageError, readable
from podprobe.tui.sources.base import Failed, Looked, Progressed, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.agents.client import Agent
    from podprobe.model import Snapshot, Target
    from podprobe.targets.base import PodTarget, Progress

BACKOFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Between attempts, by how many have failed in a row."""

_NAP_SECONDS = 0.1


class Looker(Protocol):
    """What a `podprobe.session.Session` does for the live view."""

    def declared(self) -> Snapshot:
        """What is known without agents."""

    def look(self) -> Snapshot:
        """One complete look."""

    def capturer(self) -> Agent:
        """An agent that may capture packets."""

    def close(self) -> None:
        """Let go of the target."""


class LiveSource:
    """Snapshots of a target, one every interval.

    Args:
        label: how the user named the target.
        open_session: opens it; called in the reader's thread, because loading a cluster client takes longer than the
            first paint may. It is given a function that takes progress.
        interval: seconds from the start of one look to the start of the next.
        open_privileged: opens the Pod that was looked at once more, with agents that hold NET_RAW; `None` where that
            cannot be had.
    """

    live = True

    def __init__(
        self,
        label: str,
        open_session: Callable[[Callable[[Progress], None]], Looker],
        interval: float = 1.0,
        open_privileged: Callable[[Target], PodTarget] | None = None,
    ) -> None:
        self.label = label
        self.interval = interval
        self._open = open_session
        self._open_privileged = open_privileged
        self._session: Looker | None = None
        self._seen: Target | None = None
        self._privileged: tuple[PodTarget, Agent] | None = None
        self._closed = threading.Event()
        self._paused = threading.Event()

    def run(self, report: Callable[[Report], None]) -> None:
        """Look until closed. Nothing that a look raises ends the view."""
        from podprobe.memory import give_back

        give_back()
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
                    session = self._session = self._open(lambda progress: report(Progressed(progress)))
                if not declared:
                    report(Looked(session.declared(), declared=True))
                    declared = True
                snapshot = session.look()
                self._seen = snapshot.target
                report(Looked(snapshot))
                failures = 0
                wait = max(0.0, self.interval - (time.monotonic() - started))
            except Exception as error:  # noqa: BLE001  # the view outlives every failure, foreseen or not
                if self._closed.is_set():
                    break
                wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                failures += 1
                report(Failed(readable(error), None if isinstance(error, UsageError) else wait))
                if isinstance(error, UsageError):
                    break
                if isinstance(error, AccessError):
                    # Credentials are read when the target is opened: open it anew.
                    _close(session)
                    session = self._session = None
            self._closed.wait(wait)
        _close(session)
        if self._privileged is not None:
            _close(self._privileged[0])

    def pause(self, paused: bool) -> None:
        """Stop looking, or go on."""
        if paused:
            self._paused.set()
        else:
            self._paused.clear()

    def seek(self, by: int) -> None:
        """A live target has no past to move in."""

    def seek_to(self, position: int) -> None:
        """A live target has no past to move in."""

    def capturer(self) -> Agent:
        """An agent that may capture packets: one that was added for it, or one of the session's.

        Raises:
            AgentError: there is none.
        """
        if self._privileged is not None and self._privileged[1].alive:
            return self._privileged[1]
        if self._session is None:
            raise AgentError(
                f"no agent of {self.label} answers yet", "try again when the first look is there"
            )
        return self._session.capturer()

    @property
    def may_add_capturer(self) -> bool:
        """An agent that may capture can be asked for: on a cluster, once the Pod was seen."""
        return self._open_privileged is not None and self._seen is not None

    def add_capturer(self, progress: Callable[[Progress], None]) -> Agent:
        """Start an agent with NET_RAW beside the others.

        Raises:
            PodprobeError: it was refused, or did not start.
        """
        if self._open_privileged is None or self._seen is None:
            raise AgentError(f"no agent can be added to {self.label}")
        target = self._open_privileged(self._seen)
        try:
            from podprobe.capturing import capturing_agent

            agent = capturing_agent(target.agents(progress).agents, target.label)
        except BaseException:
            _close(target)
            raise
        before, self._privileged = self._privileged, (target, agent)
        if before is not None:
            _close(before[0])
        return agent

    def close(self) -> None:
        """End after the look that is under way."""
        self._closed.set()


def _close(session: Looker | PodTarget | None) -> None:
    if session is not None:
        with contextlib.suppress(Exception):  # nothing is left to be done with it
            session.close()
