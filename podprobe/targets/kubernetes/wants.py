"""Which agents are wanted in a Pod, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.targets.kubernetes.state import running, specs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podprobe.model import Visibility
    from podprobe.targets.access import AgentsMode
    from podprobe.targets.kubernetes.agents import Holder
    from podprobe.targets.kubernetes.objects import LinuxUser, Pod

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True)
class Want:
    """An agent that is wanted."""

    container: str | None
    """The key it is known by; `None`: one for the whole Pod."""
    mirrors: str
    """The container whose privileges it has, and whose PID namespace it joins."""
    user: LinuxUser | None = None
    """That container's user as its /proc told it, where the API server does not know."""


@dataclass
class Outcome:
    """Agents' containers that run, and what could not be."""

    running: dict[str | None, Holder] = field(default_factory=dict)
    guessed: set[str | None] = field(default_factory=set)
    """Those whose user is a guess."""
    notes: list[Visibility] = field(default_factory=list)
    added: list[str | None] = field(default_factory=list)
    """Those whose container is new."""


def wants_of(pod: Pod, mode: AgentsMode, users: Mapping[str, LinuxUser]) -> list[Want]:
    """One agent in each container that can have one, or a single one. `users`: those that /proc told, by container."""
    # The API server lets an ephemeral container join any container but another ephemeral one.
    joinable = {spec.name for spec, kind in specs(pod) if kind != "ephemeral"}
    names = [spec.name for spec in running(pod) if spec.name in joinable]
    if not names:
        return []
    if pod.shares_pid_namespace or mode == "single":
        preferred = (pod.metadata.annotations or {}).get(_DEFAULT_CONTAINER)
        first = preferred if preferred in names else names[0]
        return [Want(None if pod.shares_pid_namespace else first, first, users.get(first))]
    return [Want(name, name, users.get(name)) for name in names]
