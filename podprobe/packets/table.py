"""All flows of a capture, in bounded memory."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from podprobe.model.capture import Capture, CapturedFlow, Sent
from podprobe.packets.flow import Endpoint, Flow

if TYPE_CHECKING:
    from podprobe.packets.segment import Segment

LIVE_FLOWS = 10_000
"""Flows followed at once, about 3 KiB each; beyond that the one that was silent longest is closed."""
KEPT_FLOWS = 10_000
"""Flows told one by one; of those beyond, the totals."""

_ADDED = (
    "packets", "data_segments", "bytes", "retransmits", "fast_retransmits", "timeout_retransmits",
    "probe_retransmits", "other_retransmits", "spurious_retransmits", "retransmitted_segments", "retransmitted_bytes",
    "out_of_order", "gaps", "open_gaps", "duplicate_acks", "zero_windows", "zero_window_us", "window_probes",
    "keep_alives", "resets", "rtt_samples",
)  # fmt: skip


def _worst(flow: CapturedFlow) -> tuple[int, int, int]:
    sides = flow.from_client, flow.from_server
    return (
        sum(side.retransmits for side in sides),
        sum(side.resets for side in sides),
        sum(side.bytes for side in sides),
    )


class FlowTable:
    """Takes packets in the capture's order, tells the flows at the end.

    Args:
        live: flows followed at once.
        kept: flows told one by one.
    """

    def __init__(self, live: int = LIVE_FLOWS, kept: int = KEPT_FLOWS) -> None:
        self._live_limit, self._kept_limit = live, kept
        # Least recently active first.
        self._live: OrderedDict[tuple[str, Endpoint, Endpoint], Flow] = OrderedDict()
        # The number makes the order total where two flows are equally bad.
        self._kept: list[tuple[tuple[int, int, int], int, CapturedFlow]] = []
        self._totals = dict.fromkeys(_ADDED, 0)
        self._flows = 0
        self._began_ns: int | None = None
        self._ended_ns = 0

    def seen(self, at_ns: int) -> None:
        """A packet, of whatever kind, was captured at this time."""
        self._began_ns = at_ns if self._began_ns is None else min(at_ns, self._began_ns)
        self._ended_ns = max(self._ended_ns, at_ns)

    def take(self, segment: Segment) -> None:
        """Take one packet."""
        first, second = sorted((segment.source, segment.destination))
        key = segment.protocol, first, second
        flow = self._live.get(key)
        if flow is not None and segment.protocol == "tcp" and flow.reused_by(segment):
            self._finish(self._live.pop(key))
            flow = None
        if flow is None:
            flow = self._live[key] = Flow.begun_by(segment)
            if len(self._live) > self._live_limit:
                self._finish(self._live.popitem(last=False)[1])
        else:
            self._live.move_to_end(key)
        flow.take(segment)

    def so_far(self, most: int) -> Capture:
        """What the packets taken until now say, flow by flow of the worst only; it goes on afterwards."""
        live = [flow.result(self._began_ns or 0) for flow in self._live.values()]
        totals = dict(self._totals)
        for told in live:
            _add(totals, told)
        worst = heapq.nlargest(most, (*live, *(told for _, _, told in self._kept)), key=_worst)
        return self._capture(worst, self._flows + len(live), totals)

    def result(self) -> Capture:
        """What the capture says; the reader's own counts are left at zero. The table is empty afterwards."""
        while self._live:
            self._finish(self._live.popitem(last=False)[1])
        kept = [flow for _, _, flow in sorted(self._kept, key=lambda entry: entry[:2], reverse=True)]
        return self._capture(kept, self._flows, self._totals)

    def _finish(self, flow: Flow) -> None:
        told = flow.result(self._began_ns or 0)
        self._flows += 1
        _add(self._totals, told)
        entry = _worst(told), -self._flows, told
        if len(self._kept) < self._kept_limit:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def _capture(self, flows: list[CapturedFlow], count: int, totals: dict[str, int]) -> Capture:
        return Capture(
            first_at=_rfc3339(self._began_ns),
            duration_us=max(0, self._ended_ns - (self._began_ns or 0)) // 1000,
            flow_count=count,
            flows_omitted=count - len(flows),
            totals=Sent(**totals),
            flows=tuple(flows),
        )


def _add(totals: dict[str, int], told: CapturedFlow) -> None:
    for name in _ADDED:
        totals[name] += getattr(told.from_client, name) + getattr(told.from_server, name)


def _rfc3339(at_ns: int | None) -> str | None:
    if at_ns is None:
        return None
    try:
        moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a corrupt capture may claim any year
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % 1_000_000_000:09d}Z"
