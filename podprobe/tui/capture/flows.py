"""The flows of a capture as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.report.capture import SLOW_HANDSHAKE_US
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.flows import LOSS_CRITICAL, LOSS_WARNING, party
from podprobe.tui.views.table import Column, Section, number_column
from podprobe_agent.protocol import PROBE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model.capture import Capture, CapturedFlow, Sent
    from podprobe.tui import keys


def section(capture: Capture | None, *, empty: str) -> Section:
    """Every flow that is told of, worst first as the capture has them."""
    flows = capture.flows if capture else ()
    omitted = capture.flows_omitted if capture else 0
    return Section(
        "Flows",
        _COLUMNS,
        flows,
        identity,
        _text,
        note=f"the worst of {capture.flow_count:,}" if capture and omitted else "",
        empty=empty,
    )


def identity(flow: CapturedFlow) -> keys.Key:
    """By its ends and its beginning: a port that is used again is another flow."""
    return "captured", flow.protocol, flow.client, flow.server, flow.started_us


def both(flow: CapturedFlow, measure: Callable[[Sent], int]) -> int:
    """Of both sides together."""
    return measure(flow.from_client) + measure(flow.from_server)


def loss_role(flow: CapturedFlow) -> str:
    """How bad a share of packets sent again is."""
    if flow.retransmit_ratio is None:
        # No data: what was sent again opens the connection, or ends it.
        return "warning" if both(flow, lambda side: side.retransmits) else ""
    ratio = flow.retransmit_ratio
    return "critical" if ratio >= LOSS_CRITICAL else "warning" if ratio >= LOSS_WARNING else ""


def rtt_us(flow: CapturedFlow, percentile: str) -> float | None:
    """Of the slower side."""
    values = [getattr(side, percentile) for side in (flow.from_client, flow.from_server)]
    return max((value for value in values if value is not None), default=None)


def _text(flow: CapturedFlow) -> str:
    prober = "podprobe" if flow.client.startswith(PROBE_SOURCE) else ""
    parties = f"{flow.from_container or prober} {flow.to_container or ''}"
    return f"{flow.protocol} {parties} {flow.client} {flow.server} {flow.end}"


def _port(endpoint: str) -> str:
    return ":" + endpoint.rpartition(":")[2]


def _from(flow: CapturedFlow) -> Line:
    address = flow.client.rpartition(":")[0]
    who = (Span("podprobe", "dim"),) if address == PROBE_SOURCE else party(flow.from_container, address)
    return (*who, said(_port(flow.client), "dim"))


def _to(flow: CapturedFlow) -> Line:
    kind = "" if flow.protocol == "tcp" else "/udp"
    return (
        *party(flow.to_container, flow.server.rpartition(":")[0]),
        Span(" "),
        said(_port(flow.server) + kind, "strong"),
    )


def _again(flow: CapturedFlow) -> Line:
    count, role = both(flow, lambda side: side.retransmits), loss_role(flow)
    if not count:
        return (Span("0", "dim"),)
    mark = {"critical": "✖ ", "warning": "▲ "}.get(role, "")
    share = "" if flow.retransmit_ratio is None else f" {units.ratio(flow.retransmit_ratio)}"
    return (Span(f"{mark}{count:,}{share}", role),)


def _counted(title: str, measure: Callable[[Sent], int], *, rank: int = 0, bad: bool = True) -> Column:
    return number_column(
        title,
        lambda flow: both(flow, measure),
        role=lambda flow: "warning" if bad and both(flow, measure) else "" if both(flow, measure) else "dim",
        least=len(title),
        rank=rank,
    )


def _end(flow: CapturedFlow) -> Line:
    return (Span({"reset": "✖ reset"}.get(flow.end, flow.end), "warning" if flow.end == "reset" else "dim"),)


def _handshake(flow: CapturedFlow) -> float | None:
    return flow.handshake_us


_COLUMNS = (
    Column("from", _from, lambda flow: (flow.from_container or "", flow.client), least=11, most=30),
    Column("to", _to, lambda flow: (flow.to_container or "", flow.server), least=11, most=34),
    _counted("packets", lambda side: side.packets, bad=False),
    number_column("data", lambda flow: both(flow, lambda side: side.bytes), units.size, least=8, rank=1),
    number_column(
        "handshake",
        _handshake,
        units.microseconds,
        role=lambda flow: "warning" if (flow.handshake_us or 0) >= SLOW_HANDSHAKE_US else "",
        least=9,
        rank=2,
    ),
    number_column("rtt p50", lambda flow: rtt_us(flow, "p50_rtt_us"), units.microseconds, least=7, rank=4),
    Column(
        "sent again",
        _again,
        lambda flow: both(flow, lambda side: side.retransmits),
        right=True,
        least=10,
        most=16,
        descending=True,
    ),
    _counted("fast", lambda side: side.fast_retransmits, bad=False),
    _counted("timeout", lambda side: side.timeout_retransmits, bad=False),
    _counted("probe", lambda side: side.probe_retransmits, bad=False, rank=1),
    _counted("spurious", lambda side: side.spurious_retransmits, bad=False, rank=1),
    _counted("dup ack", lambda side: side.duplicate_acks, bad=False, rank=2),
    _counted("resets", lambda side: side.resets, rank=1),
    _counted("0-window", lambda side: side.zero_windows, rank=3),
    _counted("reordered", lambda side: side.out_of_order, bad=False, rank=6),
    Column("end", _end, lambda flow: flow.end, least=6, most=8, rank=5),
)
