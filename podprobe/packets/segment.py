"""One packet, reduced to what the flow statistics need."""

from __future__ import annotations

from typing import Literal, NamedTuple

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_HALF = 1 << 31
_MASK = (1 << 32) - 1


class Segment(NamedTuple):
    """A TCP segment or a UDP datagram."""

    at_ns: int
    """Since the epoch."""
    protocol: Literal["tcp", "udp"]
    source: tuple[str, int]
    destination: tuple[str, int]
    length: int
    """Payload bytes as sent, however few were captured."""
    sequence: int = 0
    acknowledgement: int = 0
    flags: int = 0
    window: int = 0
    """As in the header, not scaled: only its changes and its being zero matter."""
    options_bytes: int = 0
    mss: int | None = None
    """The maximum segment size that a SYN announces."""
    may_select: bool = False
    """A SYN allows selective acknowledgements."""
    blocks: tuple[tuple[int, int], ...] = ()
    """What was received beyond a gap (SACK): first sequence number, and the one after the last."""


def plus(sequence: int, length: int) -> int:
    """Sequence numbers wrap at 32 bits."""
    return (sequence + length) & _MASK


def after(first: int, second: int) -> bool:
    """`first` comes later than `second` in sequence space (RFC 9293, 3.4)."""
    return first != second and ((first - second) & _MASK) < _HALF
