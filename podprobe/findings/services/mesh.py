"""A service mesh around the Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.proxies.mesh import takes
from podprobe.analysis.proxies.programs import MESH_TITLES
from podprobe.analysis.words import OUTSIDE, count
from podprobe.findings.rule import Hit, Look, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Bypass, Mesh


@rule(
    "SVC104",
    "info",
    title="The Pod is part of a service mesh",
    when="A container is a mesh's proxy (by its image, its processes, its name with Envoy in it, or the ports at which "
    "it intercepts), or an ambient mesh's: a listener at 15008 that is no container's, its annotation, or its label.",
    measured="Images, processes and listeners; the arguments of the init container that makes the rules; labels and "
    "annotations. Connections that a rule redirects are told by their two sockets: the client's shows where it "
    "meant to go, the proxy's who came. The rules themselves cannot be read without NET_ADMIN.",
    why="What looks like a connection between the application and its peer is two, with the proxy "
    "between: round-trip times, retransmits and peers that podprobe shows are those of each leg. "
    "What passes the proxy by is neither encrypted nor counted by the mesh, and may be refused by its peers.",
    remedy="Nothing. Where the numbers surprise, look at both legs (`paths` of the snapshot), and at the proxy's own "
    "statistics. Where something passes by that should not, look at the ports and addresses that are left out.",
)
def mesh(look: Look) -> Iterator[Hit]:
    """A proxy that sees every connection, or should."""
    found = look.snapshot.mesh
    if found is None:
        return
    places = [
        f"/network/listeners/{index}"
        for index, listener in enumerate(look.snapshot.network.listeners)
        if takes(found, listener)
    ]
    where = found.container or "the node's ztunnel"
    yield Hit(
        subject=found.container or "Pod",
        evidence=[
            f"The Pod is part of a mesh: {MESH_TITLES[found.name]}.",
            *filter(None, found.evidence),
            *(_passing_by(found, each) for each in found.bypass[:10]),
        ],
        remedy=f"Where a connection's numbers surprise, compare its two legs, to {where} and from it.",
        pointers=["/mesh", *places],
        containers=[found.container],
    )


def _passing_by(found: Mesh, bypass: Bypass) -> str:
    whose = bypass.container or OUTSIDE
    ends = f"from outside to {whose}" if bypass.direction == "inbound" else f"from {whose} to outside"
    verb = "does" if bypass.connections == 1 else "do"
    why = bypass.reason or "nothing that podprobe sees says why"
    proxy = found.container or "the ztunnel"
    return f"{count(bypass.connections, 'connection')} {ends} ({bypass.endpoint}) {verb} not pass {proxy}: {why}."
