"""Who can reach a listener, and who does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.proxies.mesh import is_interception
from podprobe.analysis.words import count, listed
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Flow, Listener, Snapshot


def inside_only(snapshot: Snapshot, listener: Listener) -> list[tuple[int, Flow]]:
    """The flows to a listener on all addresses, if all come from inside and nothing says that outside may.

    A Service, a probe or a declaration says so; where the Services could not be read, nothing is known.
    """
    if listener.protocol != "tcp" or not endpoints.is_any(listener.address) or snapshot.target.host_network:
        return []
    unseen = any(seen.area == "services" and seen.level != "full" for seen in snapshot.visibility)
    wanted = any(port.port == listener.port for each in snapshot.containers for port in each.ports)
    probed = any(probe.port == listener.port for each in snapshot.containers for probe in each.probes)
    served = any(port.target_port == listener.port for each in snapshot.services for port in each.ports)
    if unseen or wanted or probed or served or is_interception(snapshot, listener):
        return []
    addresses = facts.own_addresses(snapshot)
    flows = [
        (index, flow)
        for index, flow in enumerate(snapshot.network.flows)
        if flow.protocol == "tcp" and _reaches(flow, listener.port, addresses)
    ]
    return flows if all(facts.inside(flow) for _, flow in flows) else []


def _reaches(flow: Flow, port: int, addresses: frozenset[str]) -> bool:
    address, number = endpoints.split(flow.server)
    return number == port and (facts.inside(flow) or address in addresses)


@rule(
    "NET104",
    "warning",
    title="A listener on all addresses serves only the Pod itself",
    when="A TCP listener on all addresses has connections, all of them from inside the Pod, and no "
    "Service, probe or declared port means it.",
    measured="Listeners and connections of the network namespace (sock_diag); Services, probes and `ports` of "
    "the spec.",
    why="Every Pod of the cluster can connect to it past whatever stands in front (a proxy that checks "
    "who asks). 127.0.0.1 would do, and closes that door.",
    remedy="Bind it to 127.0.0.1. If outside is meant to use it, declare the port.",
)
def open_to_all(look: Look) -> Iterator[Hit]:
    """A listener that is more open than anybody needs."""
    seen: set[tuple[str | None, int]] = set()
    for index, listener in enumerate(look.snapshot.network.listeners):
        flows = inside_only(look.snapshot, listener)
        if not flows or (listener.container, listener.port) in seen:
            continue
        earlier = (inside_only(past, listener) for past in look.history if _listens(past, listener))
        if not all(earlier):
            continue
        seen.add((listener.container, listener.port))
        clients = sorted({flow.from_container or "the Pod" for _, flow in flows})
        connections = sum(flow.connections for _, flow in flows)
        yield Hit(
            subject=f"{listener.container or 'Pod'} tcp port {listener.port}",
            evidence=[
                f"{facts.whose(listener.container)} listens on {facts.shown(listener)}.",
                (
                    f"{count(connections, 'connection')} to it, from {listed(clients)}; none from outside "
                    "the Pod."
                ),
            ],
            remedy=f"Let {facts.whose(listener.container)} listen on 127.0.0.1:{listener.port}, or declare "
            f"`containerPort: {listener.port}` if outside is meant to use it.",
            pointers=[f"/network/listeners/{index}", *(f"/network/flows/{place}" for place, _ in flows)],
            containers=[listener.container],
        )


def _listens(past: Snapshot, listener: Listener) -> bool:
    """It was there, and somebody talked to it, in an earlier look."""
    return any(
        each.inode == listener.inode and each.port == listener.port for each in past.network.listeners
    ) and any(endpoints.split(flow.server)[1] == listener.port for flow in past.network.flows)


@rule(
    "NET111",
    "info",
    title="The Pod is on the host's network",
    when="`hostNetwork: true`.",
    measured="The Pod's spec.",
    why="Sockets, interfaces and counters are the node's, with those of every other Pod on the host's "
    "network among them; loopback is the node's too, and ports must be free on the node.",
    remedy="Nothing, if it is meant. Otherwise remove `hostNetwork: true`.",
    manifest=True,
)
def host_network(look: Look) -> Iterator[Hit]:
    """What is shown is the node's."""
    if look.snapshot.target.host_network:
        yield Hit(
            subject="Pod",
            evidence=[
                "The spec says `hostNetwork: true`: listeners, connections and counters are the node's."
            ],
            remedy="If the Pod needs no address of the node, remove `spec.hostNetwork`.",
            pointers=["/target/host_network"],
        )
