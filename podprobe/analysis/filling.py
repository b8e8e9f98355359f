"""How many probes a listener's accept queue may be given, so that probing never does what it is there to find.

A probe's connection waits in the queue until the server accepts it, closed or not: a server that has ceased to accept
keeps every one. So a queue is probed only as long as it is seen to empty, and never filled by more than half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Listener

MOST_WAITING = 20
"""Probes that may be on their way to one listener without a look that has seen them accepted."""
_QUIET_SHARE = 4
"""From a quarter on, what room a queue has is its clients'."""


@dataclass(frozen=True)
class Queue:
    """The accept queue of an endpoint, as one look saw it."""

    waiting: int
    limit: int | None
    own: int
    """Of those that wait, podprobe's own probes."""

    @property
    def places(self) -> int | None:
        """The kernel lets one more wait than listen() was told (`sk_acceptq_is_full`)."""
        return None if self.limit is None else self.limit + 1


def queue_of(listeners: Sequence[Listener]) -> Queue:
    """Of the listeners at one endpoint, several with SO_REUSEPORT: the fullest, as if it were the smallest."""
    limits = [one.backlog_limit for one in listeners if one.backlog_limit is not None]
    return Queue(
        waiting=max((one.backlog or 0 for one in listeners), default=0),
        limit=min(limits, default=None),
        own=max((one.own_probes for one in listeners), default=0),
    )


class Filling:
    """What is known of one queue from look to look, and how much more it may be given."""

    def __init__(self) -> None:
        self._seen: str | None = None
        self._held = False
        """The last look did not see it to empty. Once may be chance: a connection on its way to being accepted."""
        self._least = 0
        """How many would wait at least, had nothing been accepted since the queue was last seen to empty."""
        self._last = 0
        """Probes sent at the look before."""
        self.own = 0
        """Probes that may still wait to be accepted, at most."""

    def allow(self, look: str, queue: Queue, wanted: int) -> tuple[int, str | None]:
        """How many probes may be sent now.

        Args:
            look: the last look, by its time.
            queue: as that look saw it.
            wanted: at most.

        Returns:
            Their number; and where the queue is to be left alone, why.
        """
        fresh, first = look != self._seen, self._seen is None
        empties = queue.waiting == 0 or (not queue.own if first else queue.waiting < self._least)
        if fresh:
            self.own = self._last if queue.waiting == 0 else min(self.own, queue.waiting) + self._last
            self._least = queue.waiting if empties else max(self._least, queue.waiting)
        self._seen = look
        unseen, self._last = self._last, 0
        self._least = max(self._least, unseen)
        if reason := _full(queue):
            return 0, f"not probed: {reason}"
        if not fresh:
            return 0, None  # nobody has looked yet what became of the last ones
        before, self._held = self._held or first, not empties
        if self._held:
            return 0, "not probed: its accept queue was not seen to empty" if before else None
        room = MOST_WAITING - unseen
        if queue.places is not None:
            room = min(room, queue.places // 2 - queue.waiting - unseen)
        return max(0, min(wanted, room)), None

    def sent(self, number: int) -> None:
        """So many probes were taken by the queue."""
        self._last += number
        self.own += number


def _full(queue: Queue) -> str | None:
    if queue.limit is None:
        return None
    if queue.limit == 0:
        return "its accept queue has room for one connection only"
    if queue.waiting * _QUIET_SHARE >= queue.limit and queue.waiting > 1:
        return "its accept queue is a quarter full or more"
    return None
