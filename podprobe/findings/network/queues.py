"""Queues and tables of the network namespace that fill."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from podprobe.analysis import bounds, endpoints
from podprobe.analysis.words import count, percent, share
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Snapshot


@rule(
    "NET107",
    "warning",
    title="Connections wait to be accepted",
    when="A listener's accept queue holds {warning_ratio:percent} or more of what it may, or connections "
    "were dropped at a full queue since the look before.",
    measured="`idiag_rqueue` and `idiag_wqueue` of each listener (sock_diag), without podprobe's own probes; "
    "`TcpExt.ListenOverflows` and `TcpExt.ListenDrops` (/proc/net/netstat), as the difference between two looks.",
    why="The program does not call accept() fast enough. When the queue is full, the kernel drops the "
    "last step of the handshake: clients wait one second and more for a connection, or time out.",
    remedy="Give the program more workers or CPU; raise its listen() backlog (and `net.core.somaxconn` with "
    "it) only if the load comes in bursts.",
    thresholds={"warning_ratio": bounds.threshold("NET107.warning_ratio", Threshold)},
    of_channels=True,
)
def accept_queue(look: Look) -> Iterator[Hit]:
    """A full accept queue, or drops at one."""
    dropped = _risen(look, "TcpExt.ListenOverflows", "TcpExt.ListenDrops")
    full = False
    for index, listener in enumerate(look.snapshot.network.listeners):
        if listener.protocol != "tcp" or not listener.backlog or listener.backlog <= listener.own_probes:
            continue
        if not facts.ours(look.snapshot, listener.container):
            continue
        # listen(fd, 0) still lets one connection wait.
        filled = share(listener.backlog - listener.own_probes, max(listener.backlog_limit or 0, 1))
        if filled is None or listener.backlog_limit is None or filled < look["warning_ratio"]:
            continue
        full = True
        waiting = listener.backlog - listener.own_probes
        evidence = [
            (
                f"{count(waiting, 'connection')} at {facts.shown(listener)} wait for "
                f"{facts.whose(listener.container)} to accept them; {_room(listener.backlog_limit, filled)}."
            )
        ]
        if dropped:
            evidence.append(f"{count(dropped, 'connection')} dropped at a full queue since the look before.")
        yield Hit(
            subject=f"{listener.container or 'Pod'} {facts.shown(listener)}",
            evidence=evidence,
            remedy=f"Let {facts.whose(listener.container)} accept faster: more workers or threads, a higher "
            "`resources.limits.cpu`. If load comes in bursts, raise its listen() backlog above "
            f"{listener.backlog_limit}.",
            pointers=[f"/network/listeners/{index}"],
            containers=[listener.container],
        )
    if dropped and not full:
        yield Hit(
            subject="Pod",
            evidence=[
                (
                    f"{count(dropped, 'connection')} dropped at a full accept queue since the look before; "
                    "at the look itself no queue was full."
                )
            ],
            remedy="Look at the listeners with `podprobe watch`: bursts fill one of them. Raise that "
            "program's listen() backlog, or give it more workers.",
            pointers=["/network/counters"],
        )


def _room(limit: int, filled: float) -> str:
    """The kernel lets one more in than listen() was told, before it drops any."""
    if filled > 1:
        return f"the queue is full: its backlog is {limit:,}, and the kernel lets one more in"
    return f"its backlog is {limit:,} ({percent(filled)})"


def _risen(look: Look, *names: str) -> int:
    """By how much the counter that rose most has risen since the look before."""
    if look.previous is None or look.snapshot.target.host_network:
        return 0
    before, now = look.previous.network.counters.values, look.snapshot.network.counters.values
    return max(now.get(name, 0) - before.get(name, now.get(name, 0)) for name in names)


@rule(
    "NET108",
    "warning",
    title="Connections are not closed",
    when="One container holds {connections:n} or more connections to one server in CLOSE_WAIT.",
    measured="Sockets in state CLOSE_WAIT (sock_diag), by owner. Those that still wait to be accepted are left out: no "
    "process has them (see NET107).",
    why="The peer has closed, the container has not called close(). Such sockets never time out: they "
    "hold memory and file descriptors until the process ends, and run into its limit of open files.",
    remedy="It is a bug in the container that holds them: a response that is not closed, a pooled connection "
    "that is never checked. Restarting the container frees them until it is corrected.",
    thresholds={"connections": Threshold(16, "connections in CLOSE_WAIT of one container to one server")},
    of_channels=True,
)
def close_wait(look: Look) -> Iterator[Hit]:
    """A pile of connections that their owner does not close."""
    for (container, server), number in _close_wait(look.snapshot).items():
        if number < look["connections"] or not facts.ours(look.snapshot, container):
            continue
        pointers = [
            f"/network/flows/{index}"
            for index, flow in enumerate(look.snapshot.network.flows)
            if flow.server == server and flow.states.get("close-wait")
        ]
        evidence = [
            f"{facts.whose(container)} holds {count(number, 'connection')} with {server} in CLOSE_WAIT."
        ]
        if look.previous is not None:
            before = _close_wait(look.previous).get((container, server), 0)
            evidence.append(f"At the look before there were {before:,}.")
        yield Hit(
            subject=f"{container or 'Pod'} {server}",
            evidence=evidence,
            remedy=f"Correct {facts.whose(container)}: it must close a connection with {server} when its peer "
            f"has. Until then, restarting {facts.whose(container)} frees them.",
            pointers=pointers,
            containers=[container],
        )


def _close_wait(snapshot: Snapshot) -> dict[tuple[str | None, str], int]:
    """CLOSE_WAIT sockets by whose they are and the server of their connection."""
    holders: dict[tuple[str | None, str], Counter[str | None]] = {}
    for each in snapshot.network.connections:
        if each.state == "close-wait" and (each.inode is not None or each.role != "server"):
            server = each.local if each.role == "server" else each.remote
            holders.setdefault((each.from_container, server), Counter())[each.container] += 1
    found: Counter[tuple[str | None, str]] = Counter()
    for flow in snapshot.network.flows:
        number = flow.states.get("close-wait", 0) - flow.close_wait_queued
        if number <= 0:
            continue
        # Flows count every socket; which side holds them, those in the snapshot tell.
        sides = holders.get((flow.from_container, flow.server))
        holder = sides.most_common(1)[0][0] if sides else flow.from_container or flow.to_container
        found[holder, flow.server] += number
    return dict(found)


@rule(
    "NET109",
    "warning",
    title="Client ports run out",
    when="{warning_ratio:percent} or more of the ephemeral ports are taken by connections to one address "
    "and port, those in TIME_WAIT counted.",
    measured="Connections by server (sock_diag, all states) against `net.ipv4.ip_local_port_range`.",
    why="A connection needs a local port of its own towards each server, and keeps it for 60 seconds in "
    "TIME_WAIT after closing. With none left, connect() fails with EADDRNOTAVAIL.",
    remedy="Keep connections alive and use them again (HTTP keep-alive, a connection pool) rather than "
    "opening one for each request; between containers, a unix socket needs no ports.",
    thresholds={"warning_ratio": Threshold(0.8, "share of the ephemeral ports taken towards one server")},
    of_channels=True,
)
def client_ports(look: Look) -> Iterator[Hit]:
    """Too many connections towards one server."""
    ports = look.snapshot.network.ephemeral_ports
    if ports is None or ports[1] < ports[0]:
        return
    room = ports[1] - ports[0] + 1
    own = facts.own_addresses(look.snapshot)
    towards: dict[str, list[int]] = {}
    for index, flow in enumerate(look.snapshot.network.flows):
        outward = facts.inside(flow) or (
            flow.to_container is None and endpoints.split(flow.server)[0] not in own
        )
        if outward and flow.protocol == "tcp" and facts.ours(look.snapshot, flow.from_container):
            towards.setdefault(flow.server, []).append(index)
    for server, places in towards.items():
        flows = [look.snapshot.network.flows[place] for place in places]
        taken = sum(flow.connections for flow in flows)
        filled = share(taken, room)
        if filled is None or filled < look["warning_ratio"]:
            continue
        waiting = sum(flow.states.get("time-wait", 0) for flow in flows)
        clients = [flow.from_container for flow in flows if flow.from_container]
        yield Hit(
            subject=server,
            evidence=[
                (
                    f"{count(taken, 'connection')} to {server} take {percent(filled)} of the {room:,} "
                    f"ephemeral ports {ports[0]}-{ports[1]}; {waiting:,} of them are in TIME_WAIT."
                )
            ],
            remedy=f"Let {clients[0] if clients else 'the client'} keep connections to {server} open and use "
            "them again.",
            pointers=[f"/network/flows/{place}" for place in places],
            containers=clients,
        )


@rule(
    "NET110",
    "warning",
    title="A unix socket's backlog is full",
    when="As many connections wait at a listening unix socket as may.",
    measured="`UDIAG_RQLEN` of listening sockets (unix_diag): connections that wait, and the backlog.",
    why="connect() blocks, or fails with EAGAIN where the client does not wait: the program does not "
    "accept fast enough.",
    remedy="Give the listening program more workers, or a larger listen() backlog.",
    of_channels=True,
)
def unix_backlog(look: Look) -> Iterator[Hit]:
    """A full backlog of a unix socket."""
    for index, socket in enumerate(look.snapshot.network.unix):
        if socket.state != "listen" or not socket.queue or socket.queue_limit is None:
            continue
        if socket.queue < socket.queue_limit or not facts.ours(look.snapshot, socket.container):
            continue
        yield Hit(
            subject=f"{socket.container or 'Pod'} {socket.path or 'unnamed socket'}",
            evidence=[
                (
                    f"{count(socket.queue, 'connection')} at {socket.path or 'an unnamed socket'} wait for "
                    f"{facts.whose(socket.container)} to accept them; its backlog is {socket.queue_limit:,}."
                )
            ],
            remedy=f"Let {facts.whose(socket.container)} accept faster (more workers or threads), or raise "
            f"its listen() backlog above {socket.queue_limit}.",
            pointers=[f"/network/unix/{index}"],
            containers=[socket.container],
        )
