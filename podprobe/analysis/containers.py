"""Containers as declared, with what their agents measured."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.times import rfc3339
from podprobe.analysis.words import listed
from podprobe.errors import UsageError
from podprobe.model import Cgroup, Pressure, Process, Processes, User, Visibility, ZombieParent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podprobe.agents.answers import CgroupValue
    from podprobe.analysis.answered import Answered, Household, Person
    from podprobe.model import Container

TOP = 25
"""Up to so many processes, a snapshot keeps all of a container's."""


def containers(
    declared: Sequence[Container], answers: Sequence[Answered], people: Household, *, runtime: bool = True
) -> tuple[Container, ...]:
    """The declared containers with their processes and control groups.

    Args:
        declared: the Pod's containers.
        answers: the agents'.
        people: whose each process is.
        runtime: a container runtime made them, so that each has a control group of its own. Without one, groups of
            processes may share a group with each other or with the whole machine, whose numbers are not theirs.
    """
    mixed = frozenset() if runtime else _mixed(declared, people)
    cgroups = {
        a.container: a.areas.values["cgroup"]
        for a in answers
        if "cgroup" in a.areas.values and a.container not in mixed
    }
    looked_at = {answer.container for answer in answers}
    return tuple(
        msgspec.structs.replace(
            container,
            agent=container.name in looked_at or (None in looked_at and container.state == "running"),
            user=container.user or _user(people.of(container.name)),
            processes=_processes(people.of(container.name)) if people.of(container.name) else None,
            cgroup=_cgroup(cgroups[container.name]) if container.name in cgroups else None,
        )
        for container in declared
    )


def not_running(seen: Sequence[Container]) -> Iterator[Visibility]:
    """Containers that nothing can be read of because they do not run; those that have done their work are no gap."""
    for container in seen:
        ended_well = container.last_exit is not None and container.last_exit.exit_code == 0
        done = container.kind in {"init", "ephemeral"} or (container.state == "terminated" and ended_well)
        if container.state == "running" or done:
            continue
        state = container.state_reason or container.state
        yield Visibility(
            area="container", container=container.name, level="none",
            reason=f"it does not run ({state}): it has no processes, sockets or mounts to look at",
            allow="look again while it runs: podprobe watch, or the live view",
        )  # fmt: skip


def container_named(name: str, among: Iterable[Container], pod: str) -> Container:
    """A container by its name.

    Raises:
        UsageError: the Pod has no such container.
    """
    there = list(among)
    found = next((each for each in there if each.name == name), None)
    if found is None:
        known = listed(each.name for each in there) or "none"
        raise UsageError(f"{pod} has no container {name!r}", f"its containers: {known}")
    return found


def _mixed(declared: Sequence[Container], people: Household) -> frozenset[str]:
    """Containers whose processes are in a control group that another container, or the whole machine, is in too."""
    paths = {c.name: {p.item.cgroup for p in people.of(c.name) if p.item.cgroup} for c in declared}
    return frozenset(
        name
        for name, own in paths.items()
        if "/" in own or any(own & other for neighbour, other in paths.items() if neighbour != name)
    )


def _user(persons: Sequence[Person]) -> User | None:
    first = next((p.item for p in persons if p.item.pid == 1), None)
    if first is None or first.uid is None:
        return None
    return User(uid=first.uid, gid=first.gid, groups=first.groups or ())


def _processes(persons: Sequence[Person]) -> Processes:
    zombies = [p for p in persons if p.item.state == "zombie"]
    by_parent = Counter(p.item.parent for p in zombies)
    by_pid = {p.item.pid: p for p in persons}
    parents = tuple(
        ZombieParent(pid=pid, name=by_pid[pid].item.name if pid in by_pid else "?", count=count)
        for pid, count in by_parent.most_common()
    )
    return Processes(
        count=len(persons),
        zombies=len(zombies),
        threads=sum(p.item.threads or 1 for p in persons),
        zombie_parents=parents,
        top=tuple(_process(p) for p in _top(persons, frozenset(by_parent))),
    )


def _top(persons: Sequence[Person], parents: frozenset[int]) -> list[Person]:
    if len(persons) <= TOP:
        return list(persons)
    by_cpu = sorted(persons, key=lambda p: -(p.item.cpu_seconds or 0))[: TOP // 2]
    by_memory = sorted(persons, key=lambda p: -(p.item.memory_bytes or 0))[: TOP // 2]
    chosen = {p.item.pid: p for p in persons if p.item.pid in parents or p.item.pid == 1}
    chosen.update((p.item.pid, p) for p in [*by_cpu, *by_memory])
    return [chosen[pid] for pid in sorted(chosen)]


def _process(person: Person) -> Process:
    item = person.item
    return Process(
        pid=item.pid,
        parent=item.parent,
        name=item.name,
        state=item.state,
        command=item.command,
        uid=item.uid,
        threads=item.threads,
        open_files=item.open_files,
        open_files_limit=item.open_files_limit,
        memory_bytes=item.memory_bytes,
        cpu_seconds=item.cpu_seconds,
        started_at=rfc3339(item.started_at),
    )


def _cgroup(value: CgroupValue) -> Cgroup:
    pressure = None
    if value.pressure:
        pressure = Pressure(
            cpu_some_ratio=value.pressure.get("cpu_some"),
            memory_some_ratio=value.pressure.get("memory_some"),
            memory_full_ratio=value.pressure.get("memory_full"),
            io_some_ratio=value.pressure.get("io_some"),
            io_full_ratio=value.pressure.get("io_full"),
        )
    ratio = None
    if value.cpu_periods and value.cpu_throttled_periods is not None:
        ratio = value.cpu_throttled_periods / value.cpu_periods
    return Cgroup(
        version=value.version,
        cpu_seconds=value.cpu_seconds,
        cpu_limit=value.cpu_limit,
        cpu_periods=value.cpu_periods,
        cpu_throttled_periods=value.cpu_throttled_periods,
        cpu_throttled_ratio=ratio,
        memory_bytes=value.memory_bytes,
        memory_working_set_bytes=value.memory_working_set_bytes,
        memory_shmem_bytes=value.memory_shmem_bytes,
        memory_limit_bytes=value.memory_limit_bytes,
        memory_peak_bytes=value.memory_peak_bytes,
        memory_high_events=value.memory_high_events,
        memory_max_events=value.memory_max_events,
        oom_events=value.oom_events,
        oom_kills=value.oom_kills,
        pids=value.pids,
        pids_limit=value.pids_limit,
        pids_max_events=value.pids_max_events,
        pressure=pressure,
    )
