"""Pods in this machine's own namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.targets.base import PodTarget


def open_local(pid: int, *, request_timeout: float = 30.0) -> PodTarget:
    """The group of processes that share the network namespace of process `pid`.

    Raises:
        TargetError: there is no such process, or this is not Linux.
        AccessError: its namespaces may not be read.
    """
    from podprobe.targets.local.procfs import namespace
    from podprobe.targets.local.target import LocalTarget

    namespace(pid, "net")
    return LocalTarget(pid, request_timeout)
