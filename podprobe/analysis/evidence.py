"""Evidence of whose a socket is, gathered from what the agents of one look said. `owners` weighs it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from podprobe.analysis.answered import Answered, Household, Person
    from podprobe.model import Container

_NO_CGROUP = frozenset({0, 1})
"""Ids that tell nothing: none, and the root's, which every socket has where net_cls or net_prio is in use."""
_RUNTIME_ID = re.compile(r"[0-9a-f]{64}")


def held(answers: Sequence[Answered], people: Household) -> dict[int, list[Person]]:
    """Every process that holds a socket, by the socket's inode."""
    found: dict[int, list[Person]] = {}
    for answer in answers:
        for item in answer.areas.items["fds"]:
            person = people.find(answer.container, item.pid)
            if person is None or person.container is None:
                continue
            for inode in item.sockets:
                found.setdefault(inode, []).append(person)
    return found


def holders(found: Mapping[int, list[Person]]) -> tuple[dict[int, Person], frozenset[int]]:
    """By inode, the process that likely made the socket; and the inodes that several containers hold."""
    by_inode: dict[int, Person] = {}
    shared = set()
    for inode, persons in found.items():
        if len({person.container for person in persons}) > 1:
            shared.add(inode)
        else:
            # A server's children inherit its listener; the oldest process is the one that opened it.
            by_inode[inode] = min(
                persons, key=lambda person: (person.item.started_at or 0.0, person.item.pid)
            )
    return by_inode, frozenset(shared)


def usable(cgroup_id: int | None) -> TypeGuard[int]:
    """The id tells one control group from others."""
    return cgroup_id is not None and cgroup_id not in _NO_CGROUP


def own_groups(answers: Sequence[Answered]) -> dict[str, int]:
    """By container, the id that was read from its control group's directory."""
    read: dict[str, int] = {}
    for answer in answers:
        value = answer.areas.values.get("cgroup")
        cgroup_id = value.id if value is not None else None
        if answer.container is not None and usable(cgroup_id):
            read[answer.container] = cgroup_id
    return read


def only_groups(read: Mapping[str, int], people: Household) -> dict[str, int]:
    """Ids of containers all of whose processes are in that one group: a socket of another id is not theirs.

    A container that runs systemd, or containers of its own, has groups below or beside its first process's.
    """
    return {
        name: cgroup_id
        for name, cgroup_id in read.items()
        if len({p.item.cgroup for p in people.of(name) if p.item.state != "zombie"}) <= 1
    }


def learnt_groups(
    read: Mapping[str, int],
    names: AbstractSet[str],
    looked_at: AbstractSet[str],
    by_inode: Mapping[int, Person],
    sockets: Iterable[tuple[int, int | None]],
) -> dict[str, int]:
    """Ids of containers whose own could not be read: the one that all sockets have which they are seen to hold.

    A socket that was handed from one container to another has the id of the one that made it. Nothing is learnt while
    that could be a container whose sockets nobody saw.

    Args:
        read: see `own_groups`.
        names: the containers that run.
        looked_at: see `fully_seen`.
        by_inode: see `holders`.
        sockets: inode and cgroup id of every IP socket.
    """
    seen: dict[str, set[int]] = {}
    for inode, cgroup_id in sockets:
        person = by_inode.get(inode) if inode else None
        if usable(cgroup_id) and person is not None and person.container is not None:
            seen.setdefault(person.container, set()).add(cgroup_id)
    known = looked_at | read.keys() | seen.keys()
    taken = frozenset(read.values())
    learnt = {}
    for name, ids in seen.items():
        if name not in read and len(ids) == 1 and not ids & taken and names - {name} <= known:
            (learnt[name],) = ids
    return learnt


def of_one(groups: Iterable[tuple[str, int]]) -> dict[int, str]:
    """Containers by the ids of their control groups; an id that two of them claim says nothing about either."""
    claims: dict[int, set[str]] = {}
    for name, cgroup_id in groups:
        claims.setdefault(cgroup_id, set()).add(name)
    return {cgroup_id: next(iter(names)) for cgroup_id, names in claims.items() if len(names) == 1}


def made_by_a_runtime(container: Container) -> bool:
    """It has the id of a container runtime's, which makes a control group for each of its containers alone."""
    return bool(_RUNTIME_ID.search(container.id or ""))


def by_uid(running: Sequence[Container], people: Household) -> dict[int, str]:
    """User ids that tell a container: no other running container has, or could take on, the same."""
    users = _users(running, people)
    # A container of unknown user, or with a process of root's, may make sockets under any user id.
    fickle = {name for name, uids in users.items() if not uids or 0 in uids}
    result: dict[int, str] = {}
    for name, uids in users.items():
        for uid in uids:
            others = [other for other in users if other != name]
            if uid and not any(other in fickle or uid in users[other] for other in others):
                result[uid] = name
    return result


def by_elimination(
    running: Sequence[Container], answers: Sequence[Answered], people: Household, looked_at: AbstractSet[str]
) -> dict[int, str]:
    """User ids of a container's processes whose files are closed, where no other container's could have the socket.

    Every process of the Pod was seen. Of those whose files were not, one container alone has some of this user, no
    other any that is root's; and no other container has a process of this user, open or closed.
    """
    names = {container.name for container in running}
    if not names <= people.complete:
        return {}
    open_ones = {(answer.container, item.pid) for answer in answers for item in answer.areas.items["fds"]}
    closed: dict[str, set[int | None]] = {}
    for key, person in people.persons.items():
        # A process without sockets has no item either: it counts as closed, which can only lose an owner.
        unseen = key not in open_ones and person.container not in looked_at and person.item.state != "zombie"
        if unseen and person.container is not None:
            closed.setdefault(person.container, set()).add(person.item.uid)
        elif unseen:
            return {}
    users = _users(running, people)
    result = {}
    for name, uids in closed.items():
        others = names - {name}
        if any(closed.get(other, set()) & {0, None} for other in others):
            continue
        taken = {uid for other in others for uid in users[other]}
        result.update({uid: name for uid in uids if uid and uid not in taken})
    return result


def _users(running: Sequence[Container], people: Household) -> dict[str, set[int]]:
    users = {}
    for container in running:
        seen = {p.item.uid for p in people.of(container.name) if p.item.uid is not None}
        users[container.name] = seen | ({container.user.uid} if container.user is not None else set())
    return users


def by_port(containers: Sequence[Container], looked_at: AbstractSet[str]) -> dict[tuple[str, int], str]:
    """Ports that exactly one container declares, where that container's own files could not be looked at."""
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


def newest(running: Sequence[Container], people: Household) -> dict[str, float]:
    """When the youngest process of a container was started, of those containers all of whose processes were seen."""
    result = {}
    for container in running:
        starts = [person.item.started_at for person in people.of(container.name)]
        known = [start for start in starts if start is not None]
        if container.name in people.complete and known and len(known) == len(starts):
            result[container.name] = max(known)
    return result


def fully_seen(
    running: Sequence[Container], answers: Sequence[Answered], people: Household
) -> frozenset[str]:
    """Containers of whose processes every open file was seen."""
    found: set[str] = set()
    for answer in answers:
        if answer.container is None:
            found.update(c.name for c in running if not _blind(answer))
        elif answer.container in people.complete and answer.areas.items["processes"] and not _blind(answer):
            found.add(answer.container)
    return frozenset(found & people.complete)


def _blind(answer: Answered) -> bool:
    end = answer.areas.end
    return end is None or any(
        seen.area in {"fds", "files"} and seen.level != "full" for seen in end.visibility
    )
