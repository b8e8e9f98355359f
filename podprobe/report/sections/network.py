"""Ports, flows, single connections, unix sockets, interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.words import nobody
from podprobe.report import units
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import (
    Cell,
    Column,
    Marks,
    Section,
    count,
    ident,
    ratio,
    section,
    size,
    text,
    time,
    words,
)
from podprobe.report.sections.traffic import RATES, rates
from podprobe.report.shares import attributed

if TYPE_CHECKING:
    from podprobe.model import Flow, Listener, Owner, Snapshot, UnixSocket

_OWNED_BY = {
    "fd": "open file",
    "cgroup": "cgroup",
    "uid": "uid (likely)",
    "listener": "its listener",
    "elimination": "elimination (likely)",
    "declared": "declared (a guess)",
    "none": "unknown",
}


def ports(snapshot: Snapshot, marks: Marks) -> Section:
    """Listeners, with their owner and how it is known."""
    hosts = host_ports(snapshot)
    rows = [
        marks.row(
            f"/network/listeners/{index}",
            Cell(listener.protocol),
            Cell(endpoint(listener), listener.port),
            text(listener.container, 63),
            Cell(process(listener.owner)),
            Cell(_OWNED_BY[listener.owner.by]),
            Cell(_backlog(listener.backlog, listener.backlog_limit), listener.backlog),
            Cell(_declared(listener, hosts), tone="plain" if listener.declared_by else "dim"),
        )
        for index, listener in enumerate(snapshot.network.listeners)
    ]
    columns = (
        Column("proto"),
        Column("listens on"),
        Column("container"),
        Column("process", 1),
        Column("owner by", 3),
        Column("backlog", 2, right=True),
        Column("declared", 4),
    )
    return section("ports", "Ports", columns, rows)


def host_ports(snapshot: Snapshot) -> dict[tuple[str, int], int]:
    """By protocol and port of the Pod: the node's port that is led there (`hostPort`)."""
    return {
        (port.protocol, port.port): port.host_port
        for container in snapshot.containers
        for port in container.ports
        if port.host_port
    }


def _declared(listener: Listener, hosts: dict[tuple[str, int], int]) -> str:
    if listener.declared_by is None:
        return "no"
    at = hosts.get((listener.protocol, listener.port))
    return f"yes, node :{at}" if at else "yes"


def flow_end(flow: Flow, container: str | None) -> str:
    """A party of a flow: the container, the address outside the Pod, or that nobody knows (TIME_WAIT has no owner)."""
    return container or flow.remote_address or nobody(flow.scope)


def flows(snapshot: Snapshot, marks: Marks) -> Section:
    """Connections of the same two parties to the same server port, taken together."""
    rated = any(flow.activity for flow in snapshot.network.flows)
    rows = [
        marks.row(
            f"/network/flows/{index}",
            text(flow_end(flow, flow.from_container), 63),
            text(flow_end(flow, flow.to_container), 63),
            text(flow.server, 60),
            count(flow.connections),
            time(flow.rtt_us),
            time(flow.max_rtt_us),
            ratio(flow.retransmit_ratio),
            size(flow.bytes_sent),
            size(flow.bytes_received),
            Cell(
                f"{units.size(flow.send_queue_bytes)} / {units.size(flow.receive_queue_bytes)}",
                flow.send_queue_bytes + flow.receive_queue_bytes,
            ),
            Cell(flow.scope),
            *rates(flow.activity, rated),
        )
        for index, flow in enumerate(snapshot.network.flows)
    ]
    columns = (
        Column("from"),
        Column("to"),
        Column("server"),
        Column("conns", right=True),
        Column("rtt", right=True),
        Column("max rtt", 4, right=True),
        Column("retrans", right=True),
        Column("sent", 2, right=True),
        Column("received", 2, right=True),
        Column("queued out / in", 3, right=True),
        Column("scope", 5),
        *(RATES if rated else ()),
    )
    total = snapshot.network.connection_count
    notes = [f"{units.number(total)} sockets in all"] if total else []
    if told := attributed(snapshot.network.retransmits):
        notes.append(told)
    return section("flows", "Flows", columns, rows, note="; ".join(notes))


def connections(snapshot: Snapshot, marks: Marks) -> Section:
    """Single sockets of connections."""
    rows = [
        marks.row(
            f"/network/connections/{index}",
            text(found.container, 63),
            text(found.role),
            text(found.local, 60),
            text(found.remote, 60),
            text(found.state, 20),
            time(found.rtt_us),
            count(found.retransmits),
            ratio(found.retransmit_ratio),
            size(found.bytes_sent),
            size(found.bytes_received),
            size(found.send_queue_bytes),
            size(found.receive_queue_bytes),
        )
        for index, found in enumerate(snapshot.network.connections)
    ]
    columns = (
        Column("container"),
        Column("role", 2),
        Column("local"),
        Column("remote"),
        Column("state"),
        Column("rtt", right=True),
        Column("retrans", right=True),
        Column("ratio", right=True),
        Column("sent", 1, right=True),
        Column("received", 1, right=True),
        Column("send queue", 1, right=True),
        Column("receive queue", 1, right=True),
    )
    omitted = snapshot.network.connections_omitted
    note = f"{units.number(omitted)} more were left out of the snapshot" if omitted else ""
    return section("connections", "Connections", columns, rows, note=note)


def unix_listeners(snapshot: Snapshot, marks: Marks) -> Section:
    """Unix sockets that wait for connections."""
    rows = [
        marks.row(
            f"/network/unix/{index}",
            text(found.path, 108),
            text(found.container, 63),
            Cell(process(found.owner)),
            Cell(_backlog(found.queue, found.queue_limit), found.queue),
        )
        for index, found in enumerate(snapshot.network.unix)
        if found.state == "listen"
    ]
    columns = (
        Column("path"),
        Column("container"),
        Column("process", 1),
        Column("backlog", right=True),
    )
    return section("unix", "Unix sockets", columns, rows)


def unix_sockets(snapshot: Snapshot, marks: Marks) -> Section:
    """All other unix sockets."""
    rows = [
        marks.row(f"/network/unix/{index}", *_unix_cells(found))
        for index, found in enumerate(snapshot.network.unix)
        if found.state != "listen"
    ]
    columns = (
        Column("kind"),
        Column("state"),
        Column("path"),
        Column("container"),
        Column("process"),
        Column("peer"),
        Column("unread", right=True),
    )
    return section("unix-connections", "Unix connections", columns, rows)


def interfaces(snapshot: Snapshot, marks: Marks) -> Section:
    """Network interfaces with their counters."""
    rows = [
        marks.row(
            f"/network/interfaces/{index}",
            text(found.name, 20),
            words(found.addresses),
            ident(found.mtu),
            Cell({True: "up", False: "down", None: units.ABSENT}[found.up]),
            size(found.received_bytes),
            size(found.sent_bytes),
            count(_sum(found.receive_errors, found.send_errors)),
            count(_sum(found.receive_drops, found.send_drops)),
        )
        for index, found in enumerate(snapshot.network.interfaces)
    ]
    columns = (
        Column("interface"),
        Column("addresses"),
        Column("mtu", right=True),
        Column("link"),
        Column("received", right=True),
        Column("sent", right=True),
        Column("errors", right=True),
        Column("drops", right=True),
    )
    return section("interfaces", "Interfaces", columns, rows)


def endpoint(listener: Listener) -> str:
    """`127.0.0.1:80`, `[::]:80`; for raw and packet sockets what they are bound to."""
    address = neutral(listener.address, 60)
    if listener.protocol in ("raw", "packet"):
        return f"{address or 'any'} protocol {listener.port}"
    return f"[{address}]:{listener.port}" if ":" in address else f"{address}:{listener.port}"


def process(owner: Owner) -> str:
    """`nginx (1)`."""
    if owner.process is None:
        return units.ABSENT
    return f"{neutral(owner.process.name, 40)} ({owner.process.pid})"


def _backlog(waiting: int | None, limit: int | None) -> str:
    if waiting is None:
        return units.ABSENT
    return str(waiting) if limit is None else f"{waiting}/{limit}"


def _unix_cells(found: UnixSocket) -> tuple[Cell, ...]:
    return (
        Cell(found.kind),
        Cell(found.state),
        text(found.path, 108),
        text(found.container, 63),
        Cell(process(found.owner)),
        text(found.peer_container, 63),
        size(found.queue),
    )


def _sum(*values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
