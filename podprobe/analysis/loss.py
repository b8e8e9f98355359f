"""Segments that were lost, as far as it can be told: those sent again, less those that the peer says it had already.

A sender whose last segment is not acknowledged in time sends it again to find out (a tail-loss probe), or runs into its
timer where the peer is slow. If nothing was lost the peer gets it twice, and says so (DSACK, RFC 2883).
"""

from __future__ import annotations

from typing import Protocol

from podprobe.analysis.words import share


class Counted(Protocol):
    """What has a socket's counters, or the sums of several."""

    @property
    def retransmits(self) -> int | None:
        """Segments sent again."""

    @property
    def spurious_retransmits(self) -> int | None:
        """Of them, needlessly."""


class Sent(Counted, Protocol):
    """And tells of how many."""

    @property
    def segments_out(self) -> int | None:
        """Segments sent, those sent again included."""


def lost(part: Counted) -> int:
    """Segments sent again that were needed."""
    return max(0, (part.retransmits or 0) - (part.spurious_retransmits or 0))


def loss_ratio(*parts: Sent) -> float | None:
    """Of all segments sent; `None` where there were none."""
    return share(sum(map(lost, parts)), sum(part.segments_out or 0 for part in parts))


def needlessly(part: Counted) -> str:
    """` (35 of them needlessly)`; empty where the peer did not say so."""
    return f" ({part.spurious_retransmits:,} of them needlessly)" if part.spurious_retransmits else ""
