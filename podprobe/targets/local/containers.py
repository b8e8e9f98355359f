"""A group of processes told apart into containers, and what to call them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.targets.local.procfs import Member

_CONTAINER_ID = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_BUNDLES = "/run/containerd/io.containerd.runtime.v2.task"
_NAME_ANNOTATIONS = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name")


@dataclass(frozen=True)
class LocalContainer:
    """Processes that belong together, and where they are."""

    name: str
    """Unique in the group."""
    init: Member
    """Its oldest process: PID 1, where the container has a PID namespace of its own."""
    members: tuple[Member, ...]
    guest: bool = False
    """It has joined another container's PID namespace: an ephemeral container."""
    id: str | None = None
    """As its runtime numbers it, where its control group tells."""


@dataclass(frozen=True)
class Group:
    """All containers that share one network namespace."""

    containers: tuple[LocalContainer, ...]
    sandbox: Member | None
    """The process that only holds the namespaces (`pause`), if there is one."""
    shared_pid: bool
    """All containers are in one PID namespace."""


def group(members: Iterable[Member]) -> Group:
    """Tell containers apart: by PID namespace; within one, by the runtime's container id, else by mount namespace.

    Args:
        members: oldest first.
    """
    by_pid: dict[int, list[Member]] = {}
    for member in members:
        by_pid.setdefault(member.namespaces["pid"], []).append(member)
    parts = [part for together in by_pid.values() for part in _divide(together, alone=len(by_pid) == 1)]
    sandboxes = [part[0] for part in parts if _is_pause(part)]
    spaces = {part[0].namespaces["pid"] for part in parts if not _is_pause(part)}
    real = [part for part in parts if not _is_pause(part)] or parts
    names: dict[str, int] = {}
    containers = []
    for part in real:
        identifier = _container_id(part[0])
        name = (_runtime_name(identifier, part[0].parent) if identifier else None) or part[0].name
        names[name] = names.get(name, 0) + 1
        unique = name if names[name] == 1 else f"{name}-{names[name]}"
        guest = len(spaces) > 1 and part[0].inner_pid != 1
        containers.append(LocalContainer(unique, part[0], tuple(part), guest, identifier))
    return Group(
        containers=tuple(containers),
        sandbox=sandboxes[0] if sandboxes else None,
        shared_pid=len(spaces) == 1 and len(containers) > 1,
    )


def _divide(together: list[Member], alone: bool) -> list[list[Member]]:
    """Divide the processes of one PID namespace."""
    identifiers = {_container_id(member) for member in together}
    divided: dict[object, list[Member]] = {}
    for member in together:
        if len(identifiers - {None}) > 1:
            key: object = _container_id(member)
            if key is None and not _is_pause([member]):
                continue  # has come in from outside, by nsenter
        elif alone and len(identifiers - {None}) == 0:
            key = member.namespaces["mnt"]
        else:
            key = None
        divided.setdefault(key, []).append(member)
    # With a runtime's id, all of an agent's container goes: what holds it open has children. A mount namespace, though,
    # may be that of the tool that has sent the agent in, which is podprobe's own and perhaps the Pod's too.
    return [
        kept
        for key, part in divided.items()
        if (
            kept := []
            if isinstance(key, str) and any(one.agent for one in part)
            else [one for one in part if not one.agent]
        )
    ]


def _is_pause(part: list[Member]) -> bool:
    return len(part) == 1 and part[0].name == "pause"


def _container_id(member: Member) -> str | None:
    found = _CONTAINER_ID.findall(member.cgroup)
    return found[-1] if found else None


def _runtime_name(identifier: str, parent: int) -> str | None:
    """What containerd calls a container, from the annotations in its bundle; root may read them.

    The parent of a container's first process is its shim, whose working directory is a bundle beside the others.
    """
    beside = Path(f"/proc/{parent}/cwd/..", identifier, "config.json")
    for bundle in (beside, *sorted(Path(_BUNDLES).glob(f"*/{identifier}/config.json"))):
        try:
            annotations = json.loads(bundle.read_bytes()).get("annotations") or {}
        except (OSError, ValueError):
            continue
        for key in _NAME_ANNOTATIONS:
            if isinstance(annotations.get(key), str):
                return str(annotations[key])
    return None
