"""The faults that the demo Pod can have: one module each, found by its name.

A module has a docstring (what it makes, which finding shows it), and

- `FINDINGS`: the codes of the findings that show it;
- `ACTORS`: container name to a function that makes the fault as a process of its own in that container; it calls its
  argument when all is in place, and then stays;
- `TAKES`: how long it takes until they show it, where one look right after the start does not;
- `declare(plan)`, where the Pod itself has to be made differently.

A program that plays a part itself looks for the fault's name among the active ones.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

Actor = Callable[[Callable[[], None]], None]

NAMES = (
    # network
    "port-conflict", "missing-listener", "undeclared-listener", "wide-listener", "loopback-probe", "ipv6-localhost",
    "accept-queue-full", "close-wait", "ephemeral-ports", "unix-backlog",
    # TCP
    "retransmits", "outside-retransmits", "stuck-connection", "slow-round-trips", "slow-connects", "resets",
    "hot-channel",
    # IPC
    "leaked-segment", "dev-shm-full", "dev-shm-unlinked", "queue-stuck", "semaphore-wait", "ipc-limits",
    "posix-queue-full",
    # volumes
    "bytes-full", "inodes-full", "size-limit", "no-size-limit", "memory-volume", "deleted-file", "lock-wait",
    # processes and resources
    "zombies", "pids-near-limit", "shared-pids", "cpu-throttled", "memory-near-limit", "oom-kill", "unlimited-sibling",
    # start-up and names
    "start-race", "dns-failing", "dns-slow",
)  # fmt: skip
DEFAULT = ("retransmits", "port-conflict", "inodes-full", "leaked-segment", "zombies")
"""What the demo Pod has where nothing else is said."""


@dataclass
class Plan:
    """The Pod that is to be made."""

    pod: dict[str, Any]
    sizes: dict[str, str] = field(default_factory=dict)
    """Sizes of volumes' file systems, where they are not their sizeLimit."""
    inodes: dict[str, int] = field(default_factory=dict)
    """How many inodes volumes have, where that is few."""

    pids: dict[str, int] = field(default_factory=dict)
    """How many processes containers may have, where that is limited."""
    controllers: list[str] = field(default_factory=list)
    """cgroup controllers that a fault cannot do without."""
    etc: dict[str, str] = field(default_factory=dict)
    """Files of every container's /etc."""

    def container(self, name: str) -> dict[str, Any]:
        """The spec of a container."""
        spec = self.pod["spec"]
        both: list[dict[str, Any]] = [*spec.get("initContainers", []), *spec["containers"]]
        return next(one for one in both if one["name"] == name)

    def volume(self, name: str) -> dict[str, Any]:
        """The `emptyDir` of a volume."""
        volumes: list[dict[str, Any]] = self.pod["spec"]["volumes"]
        found: dict[str, Any] = next(one for one in volumes if one["name"] == name)["emptyDir"]
        return found

    def limit(self, container: str, resource: str, quantity: str) -> None:
        """Add a resource limit, which has to be real."""
        limits = self.container(container).setdefault("resources", {}).setdefault("limits", {})
        limits[resource] = quantity
        self.controllers.append(resource)

    def declare_port(self, container: str, name: str, number: int) -> None:
        """Add a `containerPort`."""
        self.container(container).setdefault("ports", []).append({"name": name, "containerPort": number})


class Fault(Protocol):
    """What a fault's module looks like."""

    __doc__: str | None
    FINDINGS: tuple[str, ...]
    ACTORS: Mapping[str, Actor]


def load(name: str) -> Fault:
    """A fault's module."""
    return cast("Fault", importlib.import_module(f".{name.replace('-', '_')}", __name__))
