"""Why a segment was sent again: by what the peer had said shortly before, which is what a sender's kernel goes by.

Linux sends again for one of four reasons. The peer's word shows that a segment is missing, by selective or duplicate
acknowledgements of what came after it: *fast* (`TcpExt.TCPFastRetrans`). Nothing was heard for about two round trips,
and the last segment in flight is sent once more to provoke an answer: a tail loss *probe* (RFC 8985,
`TcpExt.TCPLossProbes`). The retransmission *timer* ran out (`TcpExt.TCPTimeouts`), after 200 ms at least. And in the
wake of that, what else was in flight follows as acknowledgements come (`TcpExt.TCPSlowStartRetrans`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from podprobe.packets.segment import SYN, Segment, after

FAST_NS = 20_000_000
"""A fast retransmission follows the peer's word at least this soon; within a round trip, where that is longer."""

Cause: TypeAlias = Literal["fast", "timeout", "probe", "other"]


@dataclass(slots=True)
class Word:
    """What one side's acknowledgements have told the other."""

    acknowledged: int | None = None
    at_ns: int = 0
    """When it last told of something new: more in order, or other blocks beyond a gap."""
    blocks: tuple[tuple[int, int], ...] = ()
    furthest: int | None = None
    """The end of what it has received furthest beyond a gap (SACK); `None` where it misses nothing."""
    selects: bool | None = None
    """Its SYN allowed SACK; `None`: the capture has no SYN of it."""

    def take(self, segment: Segment) -> None:
        """Take a packet that this side sent."""
        if segment.flags & SYN:
            self.selects = segment.may_select
        number = segment.acknowledgement
        if self.acknowledged is None or after(number, self.acknowledged):
            self.acknowledged, self.at_ns = number, segment.at_ns
        if segment.blocks != self.blocks:
            self.blocks, self.at_ns = segment.blocks, segment.at_ns
        if self.furthest is not None and not after(self.furthest, self.acknowledged):
            self.furthest = None
        for _, end in segment.blocks:
            # A block that ends before the acknowledgement tells of what came twice (DSACK, RFC 2883).
            if after(end, self.acknowledged) and (self.furthest is None or after(end, self.furthest)):
                self.furthest = end


class Again(NamedTuple):
    """A segment that was sent before, and is not acknowledged."""

    segment: Segment
    end: int
    """The sequence number after it."""
    newest: int
    """The sequence number after all that was sent."""
    duplicates: bool
    """Duplicate acknowledgements that ask for this very segment came shortly before."""
    patience_ns: int
    """How soon after the peer's word it counts as sent because of it."""


@dataclass(slots=True)
class Recovery:
    """How a sender stands after a loss: it recovers until all that was in flight then is acknowledged."""

    until: int | None = None
    timed_out: bool = False
    """It recovers from a timeout."""
    probed_ns: int | None = None
    """When the peer's newest word had come, at the last probe: one goes without an answer, then the timer runs."""

    def cause(self, again: Again, peer: Word, selects: bool | None) -> Cause:
        """Why a segment was sent again.

        Args:
            again: the segment.
            peer: what the other side has told.
            selects: SACK was agreed on, without which Linux sends no probes; `None`: not known.
        """
        acknowledged = peer.acknowledged
        if self.until is not None and acknowledged is not None and not after(self.until, acknowledged):
            self.until = None
        fresh = again.segment.at_ns - peer.at_ns < again.patience_ns
        above = peer.furthest is not None and after(peer.furthest, again.end)
        if self.until is not None and self.timed_out:
            if fresh:
                return "other"
        elif again.duplicates or (fresh and (above or self.until is not None)):
            if self.until is None:
                self.until, self.timed_out = again.newest, False
            return "fast"
        head = acknowledged is None or not after(again.segment.sequence, acknowledged)
        return self._unasked(again, peer, head, selects)

    def _unasked(self, again: Again, peer: Word, head: bool, selects: bool | None) -> Cause:
        """Nothing that the peer said asked for it: the timer sends the first segment in flight, a probe is the last."""
        tail = again.end == again.newest
        first = self.until is None and self.probed_ns != peer.at_ns
        if again.segment.flags & SYN or (head and not (tail and first and selects is not False)):
            self.until, self.timed_out = again.newest, True
            return "timeout"
        if not tail or not first:
            return "other"
        self.probed_ns = peer.at_ns
        # Where the only segment in flight is sent again, probe and timer look alike; without SACK there is no probe.
        return "other" if head and selects is None else "probe"
