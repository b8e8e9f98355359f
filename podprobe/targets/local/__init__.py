"""Pods in this machine's own namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.targets.access import AgentsMode
    from podprobe.targets.base import PodTarget


def open_local(pid: int, *, request_timeout: float = 30.0, agents: AgentsMode = "each") -> PodTarget:
    """The group of processes that share the network namespace of process `pid`.

    Args:
        pid: any of them.
        request_timeout: seconds that an agent may take to start.
        agents: one agent in each container, or one in the container of `pid` alone.

    Raises:
        TargetError: there is no such process, or this is not Linux.
        AccessError: its namespaces may not be read.
    """
    from podprobe.targets.local.procfs import namespace
    from podprobe.targets.local.target import LocalTarget

    namespace(pid, "net")
    return LocalTarget(pid, request_timeout, agents)
