"""The service mesh that a Pod is part of: which, how it is known, and what passes its proxy by."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from podprobe.analysis import endpoints
from podprobe.analysis.flows import open_connections
from podprobe.analysis.proxies.programs import mesh_of
from podprobe.analysis.proxies.told import interception, is_excluded
from podprobe.analysis.words import count
from podprobe.model import Bypass, Mesh, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, Interception, Listener, Snapshot

HBONE_PORT = 15008
"""Where Istio's ztunnel takes connections inside the network namespace of each Pod of an ambient mesh."""
INTERCEPTION = "interception"
"""The area of `visibility`."""
_AMBIENT_LABEL = "istio.io/dataplane-mode"
_AMBIENT_REDIRECTION = "ambient.istio.io/redirection"
_INJECTED = ("sidecar.istio.io/status", "linkerd.io/proxy-version", "kuma.io/sidecar-injected")
MOST_BYPASSES = 50


def mesh(snapshot: Snapshot) -> Mesh | None:
    """The mesh, with what of the Pod's traffic goes through its proxy."""
    if snapshot.target.host_network:
        return None  # What listens there may be any Pod's.
    found = _sidecar(snapshot) or _ambient(snapshot)
    if found is None:
        return None
    rules, told = interception(snapshot, found.name)
    through = _Through(snapshot, found.container, rules)
    rules = replace(rules, outbound_port=through.outbound_port)
    evidence = [*found.evidence, *told]
    if through.outbound:
        evidence.append(
            f"{count(through.outbound, 'connection')} that the Pod opened to elsewhere "
            f"{'ends' if through.outbound == 1 else 'end'} at port {through.outbound_port} instead."
        )
    if through.inbound:
        evidence.append(
            f"{count(through.inbound, 'connection')} from outside {'is' if through.inbound == 1 else 'are'} "
            f"open at port {rules.inbound_port}."
        )
    return replace(
        found,
        evidence=tuple(evidence),
        interception=rules,
        through_inbound=through.inbound,
        through_outbound=through.outbound,
        bypass=tuple(_bypasses(snapshot, found, rules))[:MOST_BYPASSES],
    )


def unread_rules(found: Mesh) -> Visibility:
    """What cannot be seen of a mesh from inside a Pod."""
    return Visibility(
        area=INTERCEPTION,
        container=None,
        level="partial",
        reason=f"the rules that redirect connections to {found.container or 'the ztunnel'} (iptables, nftables) can "
        "be read with NET_ADMIN alone; what they do is told from sockets, arguments and annotations",
    )


def is_interception(snapshot: Snapshot, listener: Listener) -> bool:
    """The listener takes what a mesh redirects: nobody is meant to connect to it."""
    return snapshot.mesh is not None and takes(snapshot.mesh, listener)


def takes(found: Mesh, listener: Listener) -> bool:
    """The listener is one of the mesh's own."""
    own = {found.interception.inbound_port, found.interception.outbound_port, HBONE_PORT}
    return listener.protocol == "tcp" and listener.container == found.container and listener.port in own


def _sidecar(snapshot: Snapshot) -> Mesh | None:
    for container in snapshot.containers:
        if told := mesh_of(snapshot, container):
            name, sentence = told
            evidence = [sentence]
            evidence += [
                f"The Pod bears the annotation {key}."
                for key in _INJECTED
                if key in snapshot.target.annotations
            ]
            return Mesh(name=name, container=container.name, evidence=tuple(evidence))
    return None


def _ambient(snapshot: Snapshot) -> Mesh | None:
    evidence = []
    nobodys = [
        each for each in snapshot.network.listeners if each.port == HBONE_PORT and each.container is None
    ]
    if nobodys:
        evidence.append(
            f"Port {HBONE_PORT} is listened on by no container of the Pod: the node's ztunnel does, inside the "
            "Pod's network."
        )
    if snapshot.target.annotations.get(_AMBIENT_REDIRECTION) == "enabled":
        evidence.append(
            f"The annotation {_AMBIENT_REDIRECTION} says enabled: the node redirects its connections."
        )
    if snapshot.target.labels.get(_AMBIENT_LABEL) == "ambient":
        evidence.append(f"The label {_AMBIENT_LABEL} asks for it.")
    return Mesh(name="istio-ambient", evidence=tuple(evidence)) if evidence else None


class _Through:
    """Connections that the proxy takes, in both directions."""

    def __init__(self, snapshot: Snapshot, proxy: str | None, rules: Interception) -> None:
        self.inbound = self.outbound = 0
        self.outbound_port = rules.outbound_port
        for flow in snapshot.network.flows:
            if flow.to_container != proxy:
                continue
            port = endpoints.split(flow.server)[1]
            if flow.original is not None:
                self.outbound += flow.connections
                self.outbound_port = port
            elif flow.scope == "external" and port == rules.inbound_port:
                self.inbound += flow.connections


def _bypasses(snapshot: Snapshot, found: Mesh, rules: Interception) -> Iterator[Bypass]:
    """Flows with the outside that are not the proxy's."""
    people = {container.name: container for container in snapshot.containers}
    grouped: dict[tuple[str, str | None, str], int] = {}
    for flow in snapshot.network.flows:
        if flow.protocol != "tcp" or flow.scope != "external":
            continue
        own = flow.to_container or flow.from_container
        # Who had a socket in TIME_WAIT is not known; whoever is not known is not accused.
        if own is None or own == found.container:
            continue
        direction = "inbound" if flow.to_container else "outbound"
        key = direction, own, flow.server
        grouped[key] = grouped.get(key, 0) + open_connections(flow)
    for (direction, container, server), connections in sorted(grouped.items(), key=lambda item: -item[1]):
        if connections:
            yield Bypass(
                direction="inbound" if direction == "inbound" else "outbound",
                container=container,
                endpoint=server,
                connections=connections,
                reason=_reason(direction, people.get(container or ""), server, rules),
            )


def _reason(direction: str, container: Container | None, server: str, rules: Interception) -> str | None:
    address, port = endpoints.split(server)
    if direction == "inbound":
        if is_excluded(port, rules.excluded_inbound_ports):
            return f"port {port} is left out"
        included = rules.inbound_ports
        if included is not None and included != "*" and not is_excluded(port, included.split(",")):
            return f"only ports {included or '(none)'} are intercepted"
        if container and any(probe.port == port for probe in container.probes):
            return "perhaps the kubelet's probe"
        return None
    if is_excluded(port, rules.excluded_outbound_ports):
        return f"port {port} is left out"
    if within(address, rules.excluded_outbound_addresses):
        return f"{address} is left out"
    if container and container.user and container.user.uid == rules.proxy_uid:
        return f"{container.name} runs as the proxy's user {rules.proxy_uid}"
    return None


def within(address: str, ranges: tuple[str, ...]) -> bool:
    """An address is in one of the CIDR ranges; what is none is in none."""
    for each in ranges:
        try:
            if ipaddress.ip_address(address.partition("%")[0]) in ipaddress.ip_network(each, strict=False):
                return True
        except ValueError:
            continue
    return False
