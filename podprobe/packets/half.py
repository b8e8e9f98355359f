"""One side of a TCP connection as its packets show it: what was sent again, when, and why.

The rules are those that Wireshark's manual gives for `tcp.analysis.*`, so that the numbers can be checked with tools
that people know; docs/explanation/capture.md tells where they differ.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from podprobe.analysis import histogram
from podprobe.model import Histogram
from podprobe.model.capture import Sent
from podprobe.packets.recovery import FAST_NS, Again, Recovery, Word
from podprobe.packets.segment import ACK, FIN, RST, SYN, Segment, after, plus

REORDER_NS = 3_000_000
"""A segment behind the newest one, and this soon after it, was reordered; a round trip where one was measured."""
KEEP_ALIVE_NS = 1_000_000_000
_DUPLICATES = 1
"""Duplicate acknowledgements that announce a fast retransmission. RFC 5681 waits for three, Linux, which orders losses
by time (RACK, RFC 8985), for one."""
_OUTSTANDING = 1024
"""Segments of a side that wait for their round-trip time; more in flight are not measured, which bounds the memory."""
_HOLES = 64
"""Gaps that are remembered to tell reordering from retransmission; what fills an older one counts as sent again."""


@dataclass(slots=True)
class Half:
    """What one side sent so far. Bounded in memory, however long the flow."""

    next_sequence: int | None = None
    next_sequence_ns: int = 0
    last_ack: int | None = None
    last_ack_ns: int = 0
    window: int | None = None
    duplicates: int = 0
    """Duplicate acknowledgements in a row."""
    last: str = ""
    """What the last packet was, where the peer's answer to it is to be told from others: `keep-alive`, `probe`."""
    closed_since_ns: int | None = None
    """Since when its receive window is zero."""
    opened: bool = False
    finished: bool = False
    outstanding: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_OUTSTANDING))
    """(sequence after the segment, time) of what awaits its first acknowledgement."""
    holes: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_HOLES))
    """Sequence ranges, end excluded, that were jumped over and have not come yet."""
    mss: int | None = None
    """The largest segment that the peer takes."""
    rtts: dict[int, int] = field(default_factory=dict)
    min_rtt_ns: int | None = None
    max_rtt_ns: int = 0
    packets: int = 0
    data_segments: int = 0
    bytes: int = 0
    again: Counter[str] = field(default_factory=Counter)
    """Packets sent again, by cause."""
    word: Word = field(default_factory=Word)
    recovery: Recovery = field(default_factory=Recovery)
    retransmitted_segments: int = 0
    retransmitted_bytes: int = 0
    out_of_order: int = 0
    gaps: int = 0
    forgotten: int = 0
    """Holes for which there was no room."""
    duplicate_acks: int = 0
    zero_windows: int = 0
    zero_window_ns: int = 0
    window_probes: int = 0
    keep_alives: int = 0
    resets: int = 0

    @property
    def shut(self) -> bool:
        """Its receive window is closed: it takes no more."""
        return self.closed_since_ns is not None

    def waits(self, peer: Half) -> bool:
        """Something that this side sent has not been acknowledged."""
        if self.next_sequence is None or not (self.opened or self.data_segments or self.finished):
            return False
        return peer.last_ack is None or after(self.next_sequence, peer.last_ack)

    def sends(self, segment: Segment, peer: Half, round_trip_ns: int | None) -> None:
        """Take one packet that this side sent.

        Args:
            segment: the packet.
            peer: the other side.
            round_trip_ns: of the handshake, where it was seen.
        """
        self.packets += 1
        self.bytes += segment.length
        self.data_segments += segment.length > 0
        self.resets += bool(segment.flags & RST)
        self.opened |= bool(segment.flags & SYN)
        self.finished |= bool(segment.flags & FIN)
        if segment.mss is not None:
            peer.mss = segment.mss
        kind = self._kind(segment, peer)
        if segment.flags & ACK:
            if segment.acknowledgement != self.last_ack:
                self.duplicates = 0
            peer.acknowledged(segment)
        again = kind != "keep-alive" and self._sent_again(segment, peer, round_trip_ns)
        if kind != "probe":
            self._advance(segment, again)
        self._remember(segment, kind)

    def _kind(self, segment: Segment, peer: Half) -> str:
        """Packets that are no progress: probes, keep-alives, duplicate acknowledgements; and what is missing."""
        expected = self.next_sequence
        if segment.length == 1 and segment.sequence == expected and peer.window == 0:
            self.window_probes += 1
            return "probe"
        if expected is None or segment.flags & RST:
            return ""
        if after(segment.sequence, expected):
            self.gaps += 1
            self.forgotten += len(self.holes) == _HOLES
            self.holes.append((expected, segment.sequence))
        if segment.flags & (SYN | FIN):
            return ""
        if plus(segment.sequence, 1) == expected and self._keeps_alive(segment, peer):
            # Linux asks for a closed window with the shape of a keep-alive (tcp_write_wakeup, with the byte before).
            if peer.window == 0:
                self.window_probes += 1
            else:
                self.keep_alives += 1
            return "keep-alive"
        repeated = (
            segment.length == 0
            and segment.sequence == expected
            and segment.acknowledgement == self.last_ack
            and segment.window == self.window
        )
        if repeated and segment.window and peer.last != "keep-alive":
            self.duplicates += 1
            self.duplicate_acks += 1
        return ""

    def _keeps_alive(self, segment: Segment, peer: Half) -> bool:
        """A segment one byte behind the newest is a keep-alive, and not that byte sent again.

        Linux sends keep-alives without payload. Those of other systems carry a byte that was acknowledged, and come
        after a second of silence at least, the shortest that any system can be told.
        """
        if segment.length != 1:
            return segment.length == 0
        acknowledged = peer.last_ack == self.next_sequence
        return acknowledged and segment.at_ns - self.next_sequence_ns >= KEEP_ALIVE_NS

    def _sent_again(self, segment: Segment, peer: Half, round_trip_ns: int | None) -> bool:
        """Whether this was sent before, and why it was sent again."""
        if not segment.length and not segment.flags & (SYN | FIN):
            return False
        expected = self.next_sequence
        end = plus(segment.sequence, segment.length)
        behind = expected is not None and after(expected, segment.sequence)
        if segment.length > 1 and expected is not None and plus(segment.sequence, 1) == expected:
            behind = False  # new data from where a window probe of one byte had been
        fresh = self._fills_hole(segment.sequence, end) if behind else False
        if segment.length and peer.last_ack is not None and not after(end, peer.last_ack):
            self.again["spurious"] += 1
        elif expected is None or not behind:
            return False
        else:
            asked = peer.duplicates >= _DUPLICATES and peer.last_ack == segment.sequence
            asked = asked and segment.at_ns - peer.last_ack_ns < FAST_NS
            soon = segment.at_ns - self.next_sequence_ns < (round_trip_ns or REORDER_NS)
            if not asked and fresh and end != expected and soon:
                self.out_of_order += 1
                return False
            after_it = plus(end, bool(segment.flags & (SYN | FIN)))
            again = Again(segment, after_it, expected, asked, max(FAST_NS, round_trip_ns or 0))
            self.again[self.recovery.cause(again, peer.word, self._selects(peer))] += 1
        whole = max(1, self.mss - segment.options_bytes) if self.mss else segment.length
        self.retransmitted_segments += max(1, -(-segment.length // whole)) if whole else 1
        self.retransmitted_bytes += segment.length
        return True

    def _selects(self, peer: Half) -> bool | None:
        """Both SYNs allowed SACK."""
        both = self.word.selects, peer.word.selects
        return False if False in both else None if None in both else True

    def _fills_hole(self, start: int, end: int) -> bool:
        """Whether a segment brings something that the capture has not had; the rest of its hole stays one."""
        filled = False
        for _ in range(len(self.holes)):
            first, last = self.holes.popleft()
            if not after(end, first) or not after(last, start):
                self.holes.append((first, last))
                continue
            filled = True
            if after(start, first):
                self.holes.append((first, start))
            if after(last, end):
                self.holes.append((end, last))
        return filled

    def _advance(self, segment: Segment, again: bool) -> None:
        if self.next_sequence is None and segment.flags & RST:
            return  # who refuses a connection has no sequence numbers yet: this one is 0, or the client's
        consumed = segment.length + bool(segment.flags & (SYN | FIN))
        end = plus(segment.sequence, consumed)
        if again:
            # Karn: an acknowledgement from now on may be of either copy.
            self.outstanding.clear()
        if self.next_sequence is None or after(end, self.next_sequence):
            self.next_sequence, self.next_sequence_ns = end, segment.at_ns
            if consumed and not again:
                self.outstanding.append((end, segment.at_ns))

    def acknowledged(self, segment: Segment) -> None:
        """Take an acknowledgement of the peer's: the round-trip time of what it covers."""
        sent_ns = None
        while self.outstanding and not after(self.outstanding[0][0], segment.acknowledgement):
            sent_ns = self.outstanding.popleft()[1]
        if sent_ns is None:
            return
        rtt_ns = max(0, segment.at_ns - sent_ns)
        bucket = histogram.bucket(rtt_ns)
        self.rtts[bucket] = self.rtts.get(bucket, 0) + 1
        self.min_rtt_ns = rtt_ns if self.min_rtt_ns is None else min(rtt_ns, self.min_rtt_ns)
        self.max_rtt_ns = max(rtt_ns, self.max_rtt_ns)

    def _remember(self, segment: Segment, kind: str) -> None:
        closing = segment.window == 0 and not segment.flags & (SYN | FIN | RST)
        self.zero_windows += closing and kind != "probe"
        if closing and self.closed_since_ns is None:
            self.closed_since_ns = segment.at_ns
        elif not closing and self.closed_since_ns is not None:
            self.zero_window_ns += max(0, segment.at_ns - self.closed_since_ns)
            self.closed_since_ns = None
        if not segment.flags & RST:
            self.window = segment.window
        if segment.flags & ACK:
            self.last_ack, self.last_ack_ns = segment.acknowledgement, segment.at_ns
            self.word.take(segment)
        elif segment.flags & SYN:
            self.word.selects = segment.may_select
        self.last = kind

    def counts(self, now_ns: int) -> Sent:
        """What was counted, as plain data. A window that is still closed counts as closed until now."""
        closed_ns = 0 if self.closed_since_ns is None else max(0, now_ns - self.closed_since_ns)
        rtts = Histogram(buckets_per_octave=histogram.BUCKETS_PER_OCTAVE, counts=self.rtts)
        samples = histogram.total(rtts)
        return Sent(
            packets=self.packets,
            data_segments=self.data_segments,
            bytes=self.bytes,
            retransmits=self.again.total(),
            fast_retransmits=self.again["fast"],
            timeout_retransmits=self.again["timeout"],
            probe_retransmits=self.again["probe"],
            other_retransmits=self.again["other"],
            spurious_retransmits=self.again["spurious"],
            retransmitted_segments=self.retransmitted_segments,
            retransmitted_bytes=self.retransmitted_bytes,
            out_of_order=self.out_of_order,
            gaps=self.gaps,
            open_gaps=len(self.holes) + self.forgotten,
            duplicate_acks=self.duplicate_acks,
            zero_windows=self.zero_windows,
            zero_window_us=(self.zero_window_ns + closed_ns) // 1000,
            window_probes=self.window_probes,
            keep_alives=self.keep_alives,
            resets=self.resets,
            rtt_samples=samples,
            min_rtt_us=self.min_rtt_ns / 1000 if self.min_rtt_ns is not None else None,
            p50_rtt_us=self._percentile_us(rtts, 0.5),
            p99_rtt_us=self._percentile_us(rtts, 0.99),
            max_rtt_us=self.max_rtt_ns / 1000 if samples else None,
        )

    def _percentile_us(self, rtts: Histogram, ratio: float) -> float | None:
        value = histogram.percentile_ns(rtts, ratio)
        if value is None or self.min_rtt_ns is None:
            return None
        return min(max(value, self.min_rtt_ns), self.max_rtt_ns) / 1000
