"""What all agents answered in one look, and which container each process belongs to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.model import ProcessRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.agents.answers import Areas, Hello, ProcessItem
    from podprobe.model import Container

_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Answered:
    """One agent's answer."""

    container: str | None
    """The container whose PID namespace the agent is in; `None` where it is the whole Pod's."""
    hello: Hello
    areas: Areas


@dataclass(frozen=True)
class Person:
    """A process and whose it is."""

    container: str | None
    item: ProcessItem

    @property
    def ref(self) -> ProcessRef:
        """The process as the snapshot names it."""
        return ProcessRef(pid=self.item.pid, name=self.item.name)


@dataclass(frozen=True)
class Household:
    """Every process of the Pod that an agent saw, by the agent that saw it and its PID."""

    persons: Mapping[tuple[str | None, int], Person] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    """Containers all of whose processes were seen."""

    def find(self, agent: str | None, pid: int) -> Person | None:
        """The process that the agent of `agent` calls `pid`; `None` where that is an agent or unknown."""
        return self.persons.get((agent, pid))

    def of(self, container: str) -> list[Person]:
        """The processes of a container, by PID."""
        return sorted(
            (p for p in self.persons.values() if p.container == container), key=lambda p: p.item.pid
        )


def household(containers: Sequence[Container], answers: Sequence[Answered]) -> Household:
    """Tell whose every process is.

    The container id in the process's cgroup path decides. Where the path has none (a runtime that hides it, or no
    runtime at all), a process belongs to the container whose PID namespace the agent joined, if its cgroup is that
    of the namespace's first process: other people's debug containers live in that namespace too, in cgroups of
    their own.
    """
    by_id = {c.id.rpartition("/")[2]: c.name for c in containers if c.id}
    persons: dict[tuple[str | None, int], Person] = {}
    complete: set[str] = set()
    for answer in answers:
        items: list[ProcessItem] = answer.areas.items["processes"]
        first = next((item for item in items if item.pid == 1), None)
        by_pid = {item.pid: item for item in items}
        for item in items:
            if not item.agent:
                # In cgroup v1 a zombie has left its control group; it is where its parent is.
                telling = by_pid.get(item.parent, item) if item.state == "zombie" else item
                persons[answer.container, item.pid] = Person(
                    _container_of(telling, first, answer.container, by_id), item
                )
        if answer.container is not None and items and not _partial(answer):
            complete.add(answer.container)
        elif answer.container is None and items and not _partial(answer):
            complete.update(c.name for c in containers if c.state == "running")
    return Household(persons, frozenset(complete))


def _partial(answer: Answered) -> bool:
    end = answer.areas.end
    return end is None or any(seen.area == "processes" and seen.level != "full" for seen in end.visibility)


def _container_of(
    item: ProcessItem, first: ProcessItem | None, joined: str | None, by_id: Mapping[str, str]
) -> str | None:
    # A runtime within a container puts its own containers' ids behind that one's.
    for named in reversed(_CONTAINER_ID.findall(item.cgroup or "")):
        if named in by_id:
            return by_id[named]
    if joined is None or first is None:
        return None
    if item.cgroup == first.cgroup:
        return joined
    # A container may make cgroups below its own (systemd, nested runtimes).
    if first.cgroup and item.cgroup and item.cgroup.startswith(first.cgroup.rstrip("/") + "/"):
        return joined
    return None


def majority(votes: Sequence[str]) -> str | None:
    """The one value that all votes name; `None` where they disagree or there are none."""
    counted = Counter(votes)
    return next(iter(counted)) if len(counted) == 1 else None
