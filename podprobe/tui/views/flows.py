"""Flows: connections of the same two parties to the same server port, taken together; a flow opens to its sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from podprobe.analysis.loss import loss_ratio
from podprobe.analysis.words import UNKNOWN, nobody
from podprobe.model import Flow
from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said, spark
from podprobe.tui.views import traffic
from podprobe.tui.views.table import Column, Section, number_column

if TYPE_CHECKING:
    from podprobe.model import Connection, Traffic
    from podprobe.tui.state import State

    Row: TypeAlias = Flow | Connection
    Lossy: TypeAlias = Flow | Connection | Traffic

LOSS_WARNING = 0.001
LOSS_CRITICAL = 0.01
"""Shares of segments sent again that deserve a colour on loopback, where nothing should be lost (TCP101)."""

LOSS_OUTSIDE = 0.02
"""The same towards the outside (TCP102)."""


def sections(state: State) -> list[Section]:
    """Flows, each with its connections under it; then connections that belong to no flow."""
    network = state.snapshot.network
    flows = [one for one in network.flows if state.shows(one.from_container, one.to_container)]
    known = {keys.of_flow(one) for one in network.flows}
    loose = [
        connection
        for key, members in state.sockets_by_flow.items()
        if ("flow", *key) not in known
        for connection in members
        if state.shows(connection.container, connection.from_container, connection.to_container)
    ]
    omitted = network.connections_omitted
    shown = [
        Section(
            "Flows",
            _columns(state),
            flows,
            _identity,
            _text,
            children=lambda row: state.sockets(keys.of_flow(row)) if isinstance(row, Flow) else (),
            note=f"{network.connection_count:,} sockets"
            + (f", the worst of each flow listed ({omitted:,} left out)" if omitted else "")
            + (f"; {told}" if (told := traffic.attributed(state)) else ""),
            empty="no connection",
            sorted_by="conns",
        )
    ]
    shown.append(traffic.by_container(state))
    if loose:
        shown.append(
            Section("Connections", _columns(state), loose, _identity, _text, sorted_by=None, empty="none")
        )
    return shown


def loss_role(row: Lossy) -> str:
    """How bad the share of segments that were lost is, here."""
    ratio = loss_ratio(row)
    if not ratio:
        return "dim"
    if row.scope == "external":
        return "warning" if ratio >= LOSS_OUTSIDE else ""
    return "critical" if ratio >= LOSS_CRITICAL else "warning" if ratio >= LOSS_WARNING else ""


def loss_mark(row: Lossy) -> str:
    """The symbol that goes with `loss_role`."""
    return {"critical": "✖ ", "warning": "▲ "}.get(loss_role(row), "")


def party(container: str | None, address: str | None) -> Line:
    """A container by name, or whoever is outside by address."""
    if container is not None:
        return (said(container, "container"),)
    # Outside there is always an address: who has none is a container of this Pod, but nobody knows which.
    return (said(address, "dim"),) if address else (Span(UNKNOWN, "dim"),)


def _identity(row: Row) -> keys.Key:
    return keys.of_flow(row) if isinstance(row, Flow) else keys.of_connection(row)


def _text(row: Row) -> str:
    if isinstance(row, Flow):
        states = " ".join(row.states)
        unnamed = nobody(row.scope)
        return (
            f"{row.protocol} {row.from_container or unnamed} {row.to_container or unnamed} {row.server} "
            f"{row.remote_address or ''} {row.scope} {states}"
        )
    process = row.owner.process
    return (
        f"{row.protocol} {row.from_container or ''} {row.to_container or ''} {row.local} {row.remote} {row.state} "
        f"{row.scope} {process.name if process else ''}"
    )


def _from(row: Row) -> Line:
    if isinstance(row, Flow):
        address = row.remote_address if row.to_container is not None else None
        return party(row.from_container, address)
    mark = {"server": "◁ ", "client": "▷ "}.get(row.role, "  ")
    return Span(mark, "dim"), said(row.local)


def _to(row: Row) -> Line:
    if isinstance(row, Flow):
        return (
            *party(row.to_container, row.remote_address),
            Span(" ", ""),
            said(_port(row.server), "strong"),
        )
    return (said(row.remote),)


def _port(endpoint: str) -> str:
    return ":" + endpoint.rpartition(":")[2]


def _state(row: Row) -> Line:
    if isinstance(row, Flow):
        worst = {name: count for name, count in row.states.items() if name not in {"established", "listen"}}
        if not worst:
            return (Span("established", "dim"),)
        name, count = max(worst.items(), key=lambda item: item[1])
        return said(name), Span(f" {count:,}")
    return (said(row.state, "dim" if row.state == "established" else ""),)


def _count(row: Row) -> int | None:
    return row.connections if isinstance(row, Flow) else None


def _sent(row: Row) -> int | None:
    return row.bytes_sent


def _trend(state: State) -> Column:
    def cell(row: Row) -> Line:
        if not isinstance(row, Flow):
            return ()
        lost = state.history.series(keys.of_flow(row), "retransmits")
        if any(lost[-12:]):
            return Span(spark(lost, 12), loss_role(row)), Span(" loss", "dim")
        return Span(spark(state.history.series(keys.of_flow(row), "rtt"), 12), "plot"), Span(" rtt ", "dim")

    return Column("trend", cell, None, least=17, most=17, rank=2)


def _columns(state: State) -> tuple[Column, ...]:
    def loss(row: Row) -> Line:
        if row.retransmit_ratio is None:
            return (Span(units.ABSENT, "dim"),)
        return (Span(loss_mark(row) + units.ratio(row.retransmit_ratio), loss_role(row)),)

    return (
        Column("from", _from, lambda row: row.from_container or "", least=10, most=30),
        Column("to", _to, lambda row: (row.to_container or "", _server(row)), least=10, most=34),
        number_column("conns", _count),
        Column(
            "rtt",
            lambda row: _duration(row.rtt_us),
            lambda row: row.rtt_us,
            right=True,
            least=7,
            descending=True,
        ),
        Column("retrans", loss, lambda row: row.retransmit_ratio, right=True, least=8, descending=True),
        Column("state", _state, _state_key, least=11, most=18, rank=1),
        _trend(state),
        *traffic.RATES,
        traffic.again(),
        number_column("sent", _sent, units.size, rank=6, least=8),
        number_column("received", lambda row: row.bytes_received, units.size, rank=6, least=8),
        number_column("sendq", lambda row: row.send_queue_bytes, units.size, rank=2),
        number_column("recvq", lambda row: row.receive_queue_bytes, units.size, rank=2),
        number_column("min rtt", lambda row: row.min_rtt_us, units.microseconds, rank=4),
        Column("scope", lambda row: (Span(row.scope, "dim"),), lambda row: row.scope, least=8, rank=4),
    )


def _server(row: Row) -> str:
    return row.server if isinstance(row, Flow) else row.remote


def _state_key(row: Row) -> str:
    return ",".join(sorted(row.states)) if isinstance(row, Flow) else row.state


def _duration(value: float | None) -> Line:
    return (Span(units.microseconds(value), "dim" if value is None else ""),)
