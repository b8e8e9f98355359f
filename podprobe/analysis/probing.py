"""Which endpoints a look probes actively, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.analysis.endpoints import endpoint, reached_at
from podprobe.analysis.filling import Queue, queue_of
from podprobe.analysis.proxies.mesh import mesh as find_mesh
from podprobe.analysis.proxies.mesh import takes

if TYPE_CHECKING:
    from podprobe.model import Listener, Snapshot

MOST_ENDPOINTS = 20
"""A look probes at most so many listeners; more are the business of `podprobe latency`."""


@dataclass(frozen=True)
class ProbePlan:
    """One probe to run: a TCP connect from a container to a listener."""

    from_container: str | None
    to_container: str | None
    to: str
    queue: Queue = field(default=Queue(0, None, 0), compare=False)
    """The endpoint's accept queue."""


def probe_address(listener: Listener) -> str:
    """Where to connect to reach a listener from inside the Pod."""
    return reached_at(listener.address, listener.v6_only)


def plan(snapshot: Snapshot, agents: frozenset[str | None]) -> tuple[tuple[ProbePlan, ...], int]:
    """TCP listeners that a container has to do with, each probed from the containers that use it.

    A listener nobody uses is probed from one other container, or where there is none from its own.

    Args:
        snapshot: with listeners and flows.
        agents: containers that can be probed from.

    Returns:
        The probes, and how many listeners were left out for being too many.
    """
    users: dict[str, list[str]] = {}
    for flow in snapshot.network.flows:
        if flow.from_container is not None and flow.scope != "external":
            users.setdefault(flow.server, []).append(flow.from_container)
    seen: dict[str, list[Listener]] = {}
    mesh = snapshot.mesh or find_mesh(snapshot)
    for listener in snapshot.network.listeners:
        # Who connects to where a mesh takes redirected connections makes it connect to itself.
        if listener.protocol == "tcp" and not (mesh and takes(mesh, listener)):
            seen.setdefault(endpoint(probe_address(listener), listener.port), []).append(listener)
    chosen = sorted(seen.items(), key=lambda pair: (pair[0] not in users, pair[1][0].port))
    plans = []
    for to, those in chosen[:MOST_ENDPOINTS]:
        listener, queue = those[0], queue_of(those)
        callers: list[str | None] = [name for name in dict.fromkeys(users.get(to, ())) if name in agents]
        if not callers:
            others = sorted((a for a in agents if a != listener.container), key=lambda a: a or "")
            callers = [others[0]] if others else list(agents)[:1]
        plans += [ProbePlan(caller, listener.container, to, queue) for caller in callers]
    return tuple(plans), max(0, len(chosen) - MOST_ENDPOINTS)
