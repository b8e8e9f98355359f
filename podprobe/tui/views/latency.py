"""Latency: what a connect costs from each container to each endpoint, and the kernel's own RTT beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, histogram_spark, said, spark
from podprobe.tui.views import traffic
from podprobe.tui.views.flows import loss_mark, loss_role, party
from podprobe.tui.views.table import Column, Section, container_column, number_column

if TYPE_CHECKING:
    from podprobe.model import Flow, Latency
    from podprobe.tui.state import State

SLOW_US = 10_000.0
"""A 99th percentile on localhost that deserves a colour (TCP105)."""

_ENDPOINTS = 12
"""Columns of the matrix at most; the table under it has them all."""


class MatrixRow(NamedTuple):
    """One container's probes, by endpoint."""

    container: str | None
    cells: dict[str, Latency]


def sections(state: State) -> list[Section]:
    """The matrix container × endpoint, every measurement with its histogram, then the flows' own RTT."""
    latencies = [one for one in state.snapshot.latency if state.shows(one.from_container, one.to_container)]
    flows = [
        one
        for one in state.snapshot.network.flows
        if one.scope != "external"
        and one.rtt_us is not None
        and state.shows(one.from_container, one.to_container)
    ]
    shown = []
    if latencies:
        shown.append(_matrix(latencies))
    shown += [_measured(state, latencies), _passive(state, flows)]
    return shown


def role_of(one: Latency) -> str:
    """Failed, slow, or fine."""
    if one.failures:
        return "critical" if one.failures == one.count else "warning"
    return "warning" if one.p99_us is not None and one.p99_us >= SLOW_US else ""


def mark_of(one: Latency) -> Span:
    """The symbol that goes with it."""
    return {"critical": Span("✖ ", "critical"), "warning": Span("▲ ", "warning")}.get(
        role_of(one), Span("  ")
    )


def _matrix(latencies: list[Latency]) -> Section:
    endpoints = list(dict.fromkeys(one.to for one in latencies))[:_ENDPOINTS]
    rows: dict[str | None, MatrixRow] = {}
    for one in latencies:
        rows.setdefault(one.from_container, MatrixRow(one.from_container, {})).cells[one.to] = one

    def endpoint_column(index: int, endpoint: str) -> Column:
        def cell(row: MatrixRow) -> Line:
            one = row.cells.get(endpoint)
            if one is None:
                return (Span("·", "dim"),)
            if one.p50_us is None:
                return mark_of(one), said(next(iter(one.errors), "failed"), "critical")
            return (
                mark_of(one),
                Span(units.microseconds(one.p50_us)),
                Span(" / ", "dim"),
                Span(units.microseconds(one.p99_us), role_of(one)),
            )

        def sort(row: MatrixRow) -> float | None:
            one = row.cells.get(endpoint)
            return one.p99_us if one else None

        owner = next((one.to_container for one in latencies if one.to == endpoint), None)
        title = said(f"{owner} {endpoint}" if owner else endpoint, limit=28).text
        return Column(title, cell, sort, least=20, most=28, rank=index, descending=True)

    return Section(
        "p50 / p99 of a connect",
        (
            container_column("from ╲ to", lambda row: row.container, least=10),
            *(endpoint_column(index, endpoint) for index, endpoint in enumerate(endpoints)),
        ),
        list(rows.values()),
        lambda row: ("container", row.container),
        lambda row: f"{row.container} {' '.join(row.cells)}",
    )


def _measured(state: State, latencies: list[Latency]) -> Section:
    def to(one: Latency) -> Line:
        return (*party(one.to_container, None), Span(" "), said(one.to, "strong"))

    def failed(one: Latency) -> Line:
        if not one.failures:
            return (Span("0", "dim"),)
        names = " ".join(one.errors)
        return mark_of(one), said(f"{one.failures} {names}".rstrip(), role_of(one))

    def trend(one: Latency) -> Line:
        return (Span(spark(state.history.series(keys.of_latency(one), "p99"), 12), "plot"),)

    columns = (
        container_column("from", lambda one: one.from_container),
        Column("to", to, lambda one: (one.to_container or "", one.to), least=12, most=44),
        Column("kind", lambda one: (Span(one.kind, "dim"),), lambda one: one.kind, least=4, rank=2),
        number_column("p50", lambda one: one.p50_us, units.microseconds, least=7),
        Column(
            "p99",
            lambda one: (mark_of(one), Span(units.microseconds(one.p99_us), role_of(one))),
            lambda one: one.p99_us,
            right=True,
            least=9,
            most=12,
            descending=True,
        ),
        Column(
            "histogram",
            lambda one: (Span(histogram_spark(one.histogram, 16), "plot"),),
            None,
            least=16,
            most=16,
            rank=1,
        ),
        Column("p99 lately", trend, None, least=12, most=12, rank=3),
        Column("failed", failed, lambda one: one.failures, least=6, most=24, rank=1, descending=True),
        number_column("count", lambda one: one.count, rank=3),
        number_column("min", lambda one: one.min_us, units.microseconds, rank=4, least=7),
        number_column("max", lambda one: one.max_us, units.microseconds, rank=4, least=7),
    )
    return Section(
        "Active probes",
        columns,
        latencies,
        keys.of_latency,
        lambda one: f"{one.from_container} {one.to_container} {one.to} {one.kind} {' '.join(one.errors)}",
        empty="no probe yet" if state.declared else "no probe was made (nothing listens, or --passive)",
        sorted_by="p99",
    )


def _passive(state: State, flows: list[Flow]) -> Section:
    columns = (
        Column(
            "from", lambda one: party(one.from_container, None), lambda one: one.from_container or "", least=8
        ),
        Column(
            "to",
            lambda one: (*party(one.to_container, one.remote_address), Span(" "), said(one.server, "strong")),
            lambda one: (one.to_container or "", one.server),
            least=12,
            most=44,
        ),
        number_column("median", lambda one: one.rtt_us, units.microseconds, least=7),
        number_column("max", lambda one: one.max_rtt_us, units.microseconds, least=7),
        number_column("min", lambda one: one.min_rtt_us, units.microseconds, least=7, rank=2),
        Column(
            "retrans",
            lambda one: (Span(loss_mark(one) + units.ratio(one.retransmit_ratio), loss_role(one)),),
            lambda one: one.retransmit_ratio,
            right=True,
            least=8,
            rank=1,
            descending=True,
        ),
        Column(
            "lately",
            lambda one: (Span(spark(state.history.series(keys.of_flow(one), "rtt"), 16), "plot"),),
            None,
            least=16,
            most=16,
            rank=2,
        ),
        number_column("conns", lambda one: one.connections, rank=1),
    )
    return Section(
        "The application's own round trips",
        columns,
        flows,
        keys.of_flow,
        lambda one: f"{one.from_container} {one.to_container} {one.server}",
        note=traffic.attributed(state),
        empty="no connection inside the Pod",
        sorted_by="median",
    )
