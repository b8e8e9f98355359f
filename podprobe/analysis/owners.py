"""Who owns a socket, and how that is known. Wrong is never acceptable; unknown is.

Evidence, best first:

1. `fd`: an agent sees the socket among the open files of a process of that container.
2. `cgroup`: the socket's cgroup id (`INET_DIAG_CGROUP_ID`) is one that a container is known by, because the agent
   read it from the container's cgroup directory, or because a socket with this id is open in the container. A
   socket keeps the id of the process that made it; an accepted one has its listener's.
3. `uid`: only one container can have made it, because every other runs as another user and cannot change that.
4. `declared`: of a listener alone: one container's spec declares the port. This is a guess, and is marked as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.model import UNOWNED, Owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.analysis.answered import Answered, Household, Person
    from podprobe.model import Container

_NO_CGROUP = frozenset({0, 1})
"""Ids that tell nothing: none, and the root's, which every socket has where net_cls or net_prio is in use."""


@dataclass(frozen=True)
class Possession:
    """A container and the evidence for it."""

    container: str | None = None
    owner: Owner = UNOWNED


NOBODY = Possession()


@dataclass(frozen=True)
class Owners:
    """Answers whose a socket is."""

    by_inode: Mapping[int, Person] = field(default_factory=dict)
    """The process that holds a socket; of several, the one that likely made it."""
    shared: frozenset[int] = frozenset()
    """Inodes that processes of different containers hold (passed over a unix socket, inherited): no one's alone."""
    by_cgroup: Mapping[int, str] = field(default_factory=dict)
    by_uid: Mapping[int, str] = field(default_factory=dict)
    by_port: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def of(self, inode: int | None, cgroup_id: int | None = None, uid: int | None = None) -> Possession:
        """Whose the socket is."""
        if inode and (person := self.by_inode.get(inode)):
            return Possession(person.container, Owner(by="fd", process=person.ref))
        if cgroup_id and (container := self.by_cgroup.get(cgroup_id)):
            return Possession(container, Owner(by="cgroup"))
        # inode 0 is a socket that no process has yet or any more; the kernel then reports uid 0.
        if inode and uid is not None and (container := self.by_uid.get(uid)):
            return Possession(container, Owner(by="uid"))
        return NOBODY

    def of_listener(
        self, protocol: str, port: int, inode: int | None, cgroup_id: int | None, uid: int | None
    ) -> Possession:
        """Whose the listener is; the declaration of its port is the last resort."""
        found = self.of(inode, cgroup_id, uid)
        if found.container is None and (container := self.by_port.get((protocol, port))):
            return Possession(container, Owner(by="declared"))
        return found


def owners(
    containers: Sequence[Container],
    answers: Sequence[Answered],
    people: Household,
    sockets: Sequence[tuple[int, int | None]],
) -> Owners:
    """Gather the evidence.

    Args:
        containers: the Pod's.
        answers: what the agents said.
        people: whose each process is.
        sockets: inode and cgroup id of every IP socket, to learn containers' ids from sockets already owned.
    """
    held = _held(answers, people)
    by_inode, shared = _holders(held)
    by_cgroup = _cgroups(answers, by_inode, sockets)
    return Owners(by_inode, shared, by_cgroup, _uids(containers, people), _ports(containers, answers, people))


def _held(answers: Sequence[Answered], people: Household) -> dict[int, list[Person]]:
    held: dict[int, list[Person]] = {}
    for answer in answers:
        for item in answer.areas.items["fds"]:
            person = people.find(answer.container, item.pid)
            if person is None or person.container is None:
                continue
            for inode in item.sockets:
                held.setdefault(inode, []).append(person)
    return held


def _holders(held: Mapping[int, list[Person]]) -> tuple[dict[int, Person], frozenset[int]]:
    by_inode: dict[int, Person] = {}
    shared = set()
    for inode, persons in held.items():
        if len({person.container for person in persons}) > 1:
            shared.add(inode)
        else:
            # A server's children inherit its listener; the oldest process is the one that opened it.
            by_inode[inode] = min(
                persons, key=lambda person: (person.item.started_at or 0.0, person.item.pid)
            )
    return by_inode, frozenset(shared)


def _cgroups(
    answers: Sequence[Answered], by_inode: Mapping[int, Person], sockets: Sequence[tuple[int, int | None]]
) -> dict[int, str]:
    claims: dict[int, set[str]] = {}
    for answer in answers:
        value = answer.areas.values.get("cgroup")
        if answer.container is not None and value is not None and value.id is not None:
            claims.setdefault(value.id, set()).add(answer.container)
    for inode, cgroup_id in sockets:
        person = by_inode.get(inode) if inode else None
        if cgroup_id and person is not None and person.container is not None:
            claims.setdefault(cgroup_id, set()).add(person.container)
    # An id that two containers claim says nothing about either.
    return {
        cgroup_id: next(iter(names))
        for cgroup_id, names in claims.items()
        if len(names) == 1 and cgroup_id not in _NO_CGROUP
    }


def _uids(containers: Sequence[Container], people: Household) -> dict[int, str]:
    """User ids that tell a container: no other running container has, or could take on, the same."""
    running = [c for c in containers if c.state == "running"]
    users: dict[str, set[int]] = {}
    for container in running:
        seen = {p.item.uid for p in people.of(container.name) if p.item.uid is not None}
        if container.user is not None:
            seen.add(container.user.uid)
        users[container.name] = seen
    # A container of unknown user, or with a process of root's, may make sockets under any user id.
    fickle = {name for name, uids in users.items() if not uids or 0 in uids}
    result: dict[int, str] = {}
    for name, uids in users.items():
        for uid in uids:
            others = [other for other in users if other != name]
            if uid and not any(other in fickle or uid in users[other] for other in others):
                result[uid] = name
    return result


def _ports(
    containers: Sequence[Container], answers: Sequence[Answered], people: Household
) -> dict[tuple[str, int], str]:
    """Ports that exactly one container declares, where that container's own files could not be looked at."""
    looked_at = {
        answer.container for answer in answers if answer.container in people.complete and not _blind(answer)
    }
    declared: dict[tuple[str, int], set[str]] = {}
    for container in containers:
        for port in container.ports:
            declared.setdefault((port.protocol, port.port), set()).add(container.name)
    result = {}
    for key, names in declared.items():
        (name, *rest) = sorted(names)
        # Its agent saw every file of the declaring container and this listener was not there: the guess is refuted.
        if not rest and name not in looked_at:
            result[key] = name
    return result


def _blind(answer: Answered) -> bool:
    end = answer.areas.end
    return end is None or any(
        seen.area in {"fds", "files"} and seen.level != "full" for seen in end.visibility
    )
