"""Who owns a socket, and how that is known. Wrong is never acceptable; unknown is.

Evidence, best first:

1. `fd`: an agent sees the socket among the open files of a process of that container.
2. `cgroup`: the socket's cgroup id (`INET_DIAG_CGROUP_ID`) is one that a container is known by, because the agent
   read it from the container's cgroup directory, or because all sockets open in the container have it. A socket keeps
   the id of the process that made it; an accepted one has its listener's.
3. `uid`: only one container can have made it, because every other runs as another user and cannot change that.
4. `listener`: of an accepted socket: the container listens where it was accepted. It may wait there still, or be of a
   process that cannot be looked into, or be closed (TIME_WAIT).
5. `elimination`: of a unix socket: it is none of the open files that were seen, and of the processes whose files are
   closed, only this container's are of its user.
6. `declared`: of a listener alone: one container's spec declares the port. This is a guess, and is marked as one.

A cgroup id that contradicts what comes after it leaves the socket without an owner. On the host's network, where
processes of no container have sockets too, only the first two count, and `listener` by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.analysis import evidence
from podprobe.model import UNOWNED, Owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.analysis.answered import Answered, Household, Person
    from podprobe.model import Container, Evidence


@dataclass(frozen=True)
class Possession:
    """A container and the evidence for it."""

    container: str | None = None
    owner: Owner = UNOWNED
    since: float | None = None
    """The process that has it was there by then, seconds since the epoch; `None`: that is not known."""


NOBODY = Possession()


@dataclass(frozen=True)
class Owners:
    """Answers whose a socket is."""

    by_inode: Mapping[int, Person] = field(default_factory=dict)
    """The process that holds a socket; of several, the one that likely made it."""
    shared: frozenset[int] = frozenset()
    """Inodes that processes of different containers hold (passed over a unix socket, inherited): no one's alone."""
    by_cgroup: Mapping[int, str] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    """By container, the one cgroup id that all its sockets have."""
    by_uid: Mapping[int, str] = field(default_factory=dict)
    by_elimination: Mapping[int, str] = field(default_factory=dict)
    """By user id, the one container that may have a socket which no agent saw among open files."""
    by_port: Mapping[tuple[str, int], str] = field(default_factory=dict)
    newest: Mapping[str, float] = field(default_factory=dict)
    """When the youngest process of a container was started."""

    def of(self, inode: int | None, cgroup_id: int | None = None, uid: int | None = None) -> Possession:
        """Whose the socket is."""
        if inode and (person := self.by_inode.get(inode)):
            return Possession(person.container, Owner(by="fd", process=person.ref), person.item.started_at)
        if cgroup_id and (container := self.by_cgroup.get(cgroup_id)):
            return self._without_process(container, "cgroup")
        # inode 0 is a socket that no process has yet or any more; the kernel then reports uid 0.
        if inode and uid is not None and (container := self.by_uid.get(uid)):
            return NOBODY if self._refuted(container, cgroup_id) else self._without_process(container, "uid")
        return NOBODY

    def of_listener(
        self, protocol: str, port: int, inode: int | None, cgroup_id: int | None, uid: int | None
    ) -> Possession:
        """Whose the listener is; the declaration of its port is the last resort."""
        found = self.of(inode, cgroup_id, uid)
        container = self.by_port.get((protocol, port))
        if found.container is None and container is not None and not self._refuted(container, cgroup_id):
            return self._without_process(container, "declared")
        return found

    def of_accepted(
        self, listener: Possession, inode: int | None, cgroup_id: int | None = None
    ) -> Possession:
        """Whose a socket is, of which nothing is known but where it was accepted."""
        container = listener.container
        if container is None or inode in self.shared or self._refuted(container, cgroup_id):
            return NOBODY
        guessed = listener.owner.by in {"declared", "elimination"}
        return self._without_process(container, listener.owner.by if guessed else "listener")

    def of_closed(self, inode: int, uid: int | None) -> Possession:
        """Whose a socket can alone be, of which nothing is known but its user."""
        container = self.by_elimination.get(uid) if uid is not None else None
        if container is None or inode in self.shared:
            return NOBODY
        return self._without_process(container, "elimination")

    def _without_process(self, container: str, by: Evidence) -> Possession:
        return Possession(container, Owner(by=by), self.newest.get(container))

    def _refuted(self, container: str, cgroup_id: int | None) -> bool:
        """The socket was made in another control group than the container's."""
        own = self.groups.get(container)
        return own is not None and evidence.usable(cgroup_id) and cgroup_id != own


def owners(
    containers: Sequence[Container],
    answers: Sequence[Answered],
    people: Household,
    sockets: Sequence[tuple[int, int | None]],
    *,
    runtime: bool = True,
    host_network: bool = False,
) -> Owners:
    """Gather the evidence.

    Args:
        containers: the Pod's.
        answers: what the agents said.
        people: whose each process is.
        sockets: inode and cgroup id of every IP socket, to learn containers' ids from sockets already owned.
        runtime: a container runtime made the containers, and a control group for each.
        host_network: processes of no container have sockets here, too: then what only tells containers from each
            other tells nothing.
    """
    running = [container for container in containers if container.state == "running"]
    names = {container.name for container in running}
    looked_at = evidence.fully_seen(running, answers, people)
    by_inode, shared = evidence.holders(evidence.held(answers, people))
    read = evidence.own_groups(answers)
    learnt = evidence.learnt_groups(read, names, looked_at, by_inode, sockets)
    # A group that no runtime made may hold others' processes: a shell's, or those of a container not looked into.
    alone = {c.name for c in running if runtime or evidence.made_by_a_runtime(c)}
    if not host_network and names <= read.keys():
        alone |= names
    by_cgroup = evidence.of_one([*read.items(), *learnt.items()])
    return Owners(
        by_inode=by_inode,
        shared=shared,
        by_cgroup={cgroup_id: name for cgroup_id, name in by_cgroup.items() if name in alone},
        groups=evidence.only_groups(read, people),
        by_uid={} if host_network else evidence.by_uid(running, people),
        by_elimination={} if host_network else evidence.by_elimination(running, answers, people, looked_at),
        by_port={} if host_network else evidence.by_port(containers, looked_at),
        newest=evidence.newest(running, people),
    )
