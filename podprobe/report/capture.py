"""What a capture says of each flow, as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from podprobe.report import layout, units
from podprobe.report.layout import STYLE
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import Cell, Column, Row, Section, count, ratio, size, text, time
from podprobe.report.table import draw

if TYPE_CHECKING:
    from podprobe.model import Severity
    from podprobe.model.capture import Capture, CapturedFlow

MOST_ROWS = 30
SLOW_HANDSHAKE_US = 1_000_000
"""From which a SYN or its answer was lost: the first comes again after a second (RFC 6298), whatever the way."""

_CAUSES = (
    "fast_retransmits", "timeout_retransmits", "probe_retransmits", "other_retransmits", "spurious_retransmits",
)  # fmt: skip

_COLUMNS = (
    Column("from"),
    Column("to"),
    Column("server"),
    Column("client", 7),
    Column("handshake", 3, right=True),
    Column("rtt p50", 2, right=True),
    Column("p99", 4, right=True),
    Column("data", 5, right=True),
    Column("again", right=True),
    Column("share", 1, right=True),
    Column("fast/timer/probe/other/spurious", 4, right=True),
    Column("dup acks", 6, right=True),
    Column("reordered", 8, right=True),
    Column("window shut", 5, right=True),
    Column("idle", 6, right=True),
    Column("end", 3),
)


def _severity(flow: CapturedFlow) -> Severity | None:
    """Something was sent again, SYNs included, the handshake lost one, or a window was shut for a tenth of the time."""
    sides = flow.from_client, flow.from_server
    again = any(side.retransmits for side in sides)
    slow = (flow.handshake_us or 0) >= SLOW_HANDSHAKE_US
    closed = sum(side.zero_window_us for side in sides)
    shut = bool(flow.duration_us) and closed / flow.duration_us >= 0.1
    return "warning" if again or slow or shut else None


def _row(flow: CapturedFlow) -> Row:
    sides = flow.from_client, flow.from_server
    waited = [side for side in sides if side.p50_rtt_us is not None]
    slower = max(waited, key=lambda side: side.p50_rtt_us or 0, default=flow.from_client)
    shut = sum(side.zero_window_us for side in sides)
    again = sum(side.retransmits for side in sides)
    kinds = "/".join(str(sum(getattr(side, name) for side in sides)) for name in _CAUSES)
    return Row(
        (
            text(flow.from_container, 63),
            text(flow.to_container, 63),
            text(flow.server if flow.protocol == "tcp" else f"{flow.server}/udp", 60),
            text(flow.client, 60),
            _handshake(flow.handshake_us),
            time(slower.p50_rtt_us),
            time(slower.p99_rtt_us),
            size(sum(side.bytes for side in sides)),
            Cell(units.number(again), again, "warning" if again else "plain"),
            ratio(flow.retransmit_ratio),
            Cell(kinds if again else units.ABSENT, again),
            count(sum(side.duplicate_acks for side in sides)),
            count(sum(side.out_of_order for side in sides)),
            time(shut) if shut else Cell(units.ABSENT, 0, "dim"),
            ratio(None if flow.idle_ratio is None else round(flow.idle_ratio, 3)),
            Cell(flow.end, tone="warning" if flow.end == "reset" else "plain"),
        ),
        _severity(flow),
    )


def _handshake(took_us: float | None) -> Cell:
    cell = time(took_us)
    return replace(cell, tone="warning") if (took_us or 0) >= SLOW_HANDSHAKE_US else cell


def page(capture: Capture, *, color: bool, width: int | None) -> str:
    """The capture on a page: what it holds, its worst flows, and what was left out.

    Args:
        capture: with containers where they are known.
        color: for a terminal that shows it.
        width: of the terminal; `None`: whatever the table takes.
    """
    flows = Section("flows", "Flows", _COLUMNS, tuple(_row(flow) for flow in capture.flows[:MOST_ROWS]))
    parts = [_head(capture), *_notes(capture)]
    if flows.rows:
        parts += [Text(), Text("Flows", "bold underline"), *layout.lines(flows, flows.rows, width)]
    left_out = capture.flow_count - len(flows.rows)
    if left_out > 0:
        parts.append(Text(f"  … {units.number(left_out)} more flows: -o json", "dim"))
    return draw(parts, color=color, width=width)


def _head(capture: Capture) -> Text:
    totals = capture.totals
    line = Text(f"{units.number(capture.packets)} packets", "bold")
    line.append(
        f"  {units.size(capture.bytes)} in {units.microseconds(capture.duration_us)}"
        f"  {units.number(capture.flow_count)} flows",
        "not bold",
    )
    share = ratio(totals.retransmits / totals.data_segments if totals.data_segments else None).text
    line.append(f"  {units.number(totals.retransmits)} sent again ({share})", "not bold")
    line.append(f"  {units.number(totals.resets)} resets", "not bold")
    return line


def _notes(capture: Capture) -> list[Text]:
    """What keeps the numbers from being the whole truth."""
    notes = []
    if capture.dropped:
        notes.append(
            f"{units.number(capture.dropped)} packets found no room in the buffer: counts are lower bounds"
        )
    if capture.cut_short:
        notes.append(f"the capture is cut short: {neutral(capture.cut_short)}")
    if capture.malformed:
        notes.append(f"{units.number(capture.malformed)} packets could not be read")
    if capture.fragments:
        notes.append(f"{units.number(capture.fragments)} IP fragments are in no flow")
    if capture.totals.open_gaps and not capture.dropped:
        notes.append(
            f"{units.number(capture.totals.open_gaps)} gaps in sequence numbers stay open: not every packet is in the "
            "capture"
        )
    if capture.unknown_links:
        notes.append(
            f"{units.number(capture.unknown_links)} packets are of a kind of link that podprobe does not read"
        )
    lines = [Text(f"▲ {note}", STYLE["warning"]) for note in notes]
    others = capture.not_ip + capture.other_protocols
    if others:
        lines.append(Text(f"· {units.number(others)} packets are neither TCP nor UDP", STYLE["dim"]))
    return lines
