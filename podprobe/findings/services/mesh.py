"""A service mesh around the Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.roles import role_of
from podprobe.analysis.words import count, listed
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, Snapshot


_AMBIENT_PORT = 15008
"""HBONE: where Istio's ztunnel takes connections inside the network namespace of each Pod of an ambient mesh."""


@rule(
    "SVC104",
    "info",
    title="The Pod is part of a service mesh",
    when="A container is a mesh's proxy (by its image, or by the ports at which it intercepts), or sockets "
    "of an ambient mesh are in the Pod's network namespace.",
    measured="Images; listeners at 15001 and 15006 (Istio), 4140 and 4143 (linkerd), 15008 without a container "
    "(Istio ambient); the label `istio.io/dataplane-mode`; the connections that pass through the "
    "proxy.",
    why="What looks like a connection between the application and its peer is two, with the proxy "
    "between: round-trip times, retransmits and peers that podprobe shows are those of each leg. "
    "Ports the mesh does not know may be refused or bypass it.",
    remedy="Nothing. Where the numbers surprise, look at both legs, and at the proxy's own statistics.",
)
def mesh(look: Look) -> Iterator[Hit]:
    """A proxy that sees every connection."""
    for index, container in enumerate(look.snapshot.containers):
        if role_of(look.snapshot, container) == "mesh-proxy":
            yield Hit(
                subject=container.name,
                evidence=_proxy(look.snapshot, container),
                remedy=f"Where a connection's numbers surprise, compare its two legs, to {container.name} and "
                "from it.",
                pointers=[f"/containers/{index}"],
                containers=[container.name],
            )
    ambient = [
        index
        for index, listener in facts.listening(look.snapshot, _AMBIENT_PORT)
        if listener.container is None and not look.snapshot.target.host_network
    ]
    label = look.snapshot.target.labels.get("istio.io/dataplane-mode")
    if ambient or label == "ambient":
        reason = (
            f"Port {_AMBIENT_PORT} is listened on by no container of the Pod."
            if ambient
            else "The Pod is labelled for it."
        )
        yield Hit(
            subject="Pod",
            evidence=[
                (
                    f"The Pod is in an Istio ambient mesh. {reason} Connections with other Pods of the mesh "
                    "pass through the node's ztunnel."
                )
            ],
            remedy="Where a connection's numbers surprise, remember that its peer is the ztunnel; `istioctl "
            "ztunnel-config` shows what that does.",
            pointers=[f"/network/listeners/{index}" for index in ambient] or ["/target/labels"],
        )


def _proxy(snapshot: Snapshot, container: Container) -> list[str]:
    ports = sorted({each.port for each in snapshot.network.listeners if each.container == container.name})
    at = f" It listens on {listed(str(port) for port in ports)}." if ports else ""
    through = [
        flow for flow in snapshot.network.flows if container.name in {flow.from_container, flow.to_container}
    ]
    passed = sum(flow.connections for flow in through)
    return [
        f"{container.name} is a mesh's proxy (image {container.image or 'unknown'}).{at}",
        f"{count(passed, 'connection')} of the Pod's end at it or begin at it.",
    ]
