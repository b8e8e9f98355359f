"""Which endpoints a look probes actively, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.analysis.connections import endpoint
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
    room: int | None = field(default=None, compare=False)
    """Connections that the listener's accept queue still takes, shared among those who probe it; `None`: unknown."""

    def count(self, wanted: int) -> int:
        """How many probes to send: never more than the queue takes though nobody accepts, or they would fill it."""
        return wanted if self.room is None else max(1, min(wanted, self.room))


def probe_address(listener: Listener) -> str:
    """Where to connect to reach a listener from inside the Pod."""
    if listener.address == "0.0.0.0":  # noqa: S104  # compared with, not bound to
        return "127.0.0.1"
    if listener.address == "::":
        # A dual-stack listener takes IPv4 too, and the Pod may have no IPv6 loopback.
        return "::1" if listener.v6_only else "127.0.0.1"
    return listener.address.removeprefix("::ffff:") if "." in listener.address else listener.address


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
    seen: dict[str, Listener] = {}
    mesh = snapshot.mesh or find_mesh(snapshot)
    for listener in snapshot.network.listeners:
        # Who connects to where a mesh takes redirected connections makes it connect to itself.
        if listener.protocol == "tcp" and not (mesh and takes(mesh, listener)):
            seen.setdefault(endpoint(probe_address(listener), listener.port), listener)
    chosen = sorted(seen.items(), key=lambda pair: (pair[0] not in users, pair[1].port))
    plans = []
    for to, listener in chosen[:MOST_ENDPOINTS]:
        callers: list[str | None] = [name for name in dict.fromkeys(users.get(to, ())) if name in agents]
        if not callers:
            others = sorted((a for a in agents if a != listener.container), key=lambda a: a or "")
            callers = [others[0]] if others else list(agents)[:1]
        room = _room(listener, len(callers))
        plans += [ProbePlan(caller, listener.container, to, room) for caller in callers]
    return tuple(plans), max(0, len(chosen) - MOST_ENDPOINTS)


def _room(listener: Listener, callers: int) -> int | None:
    if not listener.backlog_limit:
        return None
    return (listener.backlog_limit - (listener.backlog or 0)) // max(1, callers)
