"""What a target is: a Pod's declared state, and streams to agents in its containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from podprobe.agents.client import Agent
    from podprobe.model import Container, NetworkPolicy, Service, Target, Visibility, Volume

ELSEWHERE = "one agent was asked for, and it is elsewhere (--agents single)"
"""Why a container is not looked into that could be."""


@dataclass(frozen=True)
class PodState:
    """A Pod as declared and as its runtime reports it: everything that is known without an agent.

    The structs are the snapshot's own, with what only an agent can measure left `None` (processes, cgroup,
    filesystem, usage; a Service port's `listener` is `unknown`).
    """

    target: Target
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...] = ()
    services: tuple[Service, ...] = ()
    network_policies: tuple[NetworkPolicy, ...] = ()
    visibility: tuple[Visibility, ...] = ()
    resource_version: str | None = None


@dataclass(frozen=True)
class Progress:
    """One step on the way to a snapshot, to be shown while the user waits."""

    message: str
    container: str | None = None
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class AgentSet:
    """The agents that answer now, by the container whose PID namespace each has joined.

    With `shared_pid`, or with a single agent, one agent stands for the whole Pod; its key is then its container
    (single) or `None` (shared PID namespace).
    """

    agents: Mapping[str | None, Agent] = field(default_factory=dict)
    visibility: Sequence[Visibility] = ()
    """Containers without an agent, and why."""


class PodTarget(Protocol):
    """One Pod that can be looked at. Methods block; each is bounded by the request timeout."""

    @property
    def label(self) -> str:
        """How the user would name it: `default/mc3`."""

    @property
    def live(self) -> bool:
        """Agents can be had (false for a snapshot file or a recording)."""

    def state(self) -> PodState:
        """The Pod's declared state now.

        Raises:
            TargetError: the Pod does not exist (any more).
            AccessError: reading it is not allowed.
        """

    def agents(self, progress: Callable[[Progress], None]) -> AgentSet:
        """Connect to the agents, starting those that are missing, and reconnecting those that were lost.

        Cheap when all are alive. Partial success is success: what is missing is in `visibility`.

        Raises:
            AgentError: no agent at all could be had; the message says why and the hint what to do.
            AccessError: starting one is not allowed.
        """

    def close(self) -> None:
        """Close every stream. Agents that live on by design (their lifetime) are left to it."""
