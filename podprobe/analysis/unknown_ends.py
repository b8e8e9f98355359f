"""What may tie a container to another, as far as the kernel tells: one end is known, or none, and the other is not.

The kernel forgets: of a closed connection whose it was, of a semaphore set and a queue all but who used them last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.words import count, listed
from podprobe.model import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.model import Flow, Snapshot

_TELLING = frozenset(
    {
        "agent",
        "container",
        "processes",
        "fds",
        "open_files",
        "maps",
        "sockets",
        "inet",
        "unix",
        "sysv_shm",
        "sysv_sem",
        "sysv_msg",
        "mqueue",
        "dev_shm",
    }
)
"""Areas of `visibility` that channels are told from."""
_PRIVATE = "0x00000000"


class UnknownEnd(NamedTuple):
    """A channel that a container may be an end of."""

    channel: Channel
    """Its ends as far as they are known; `None` is not known."""
    why: str
    todo: str


def gaps(snapshot: Snapshot) -> list[str]:
    """The areas that channels are told from and that could not be seen whole, in any container."""
    return sorted(
        {each.area for each in snapshot.visibility if each.level != "full" and each.area in _TELLING}
    )


def unknown_ends(snapshot: Snapshot, container: str) -> Iterator[UnknownEnd]:
    """What `container` may have in common with another container; what is certain is in the snapshot's channels."""
    if len(snapshot.containers) < 2:  # there is no other
        return
    yield from _flows(snapshot, container)
    yield from _unix(snapshot, container)
    yield from _segments(snapshot)
    yield from _semaphores(snapshot)
    yield from _queues(snapshot)


def _flows(snapshot: Snapshot, container: str) -> Iterator[UnknownEnd]:
    grouped: dict[tuple[str, str], list[Flow]] = {}
    for flow in snapshot.network.flows:
        # What goes over the Pod's address survives, whoever it is.
        if flow.scope == "loopback" and None in {flow.from_container, flow.to_container}:
            grouped.setdefault((flow.protocol, flow.server), []).append(flow)
    for (protocol, via), flows in grouped.items():
        client = next((flow.from_container for flow in flows if flow.from_container), None)
        server = next((flow.to_container for flow in flows if flow.to_container), None)
        if client and server:
            client = (
                None  # of some connections the one is known, of some the other: nobody connected for certain
            )
        what = f"who {'connected' if client is None else 'answers'} there"
        whose = "" if container in {client, server} else f", and may have been {container}"
        yield UnknownEnd(
            Channel(
                kind="udp" if protocol == "udp" else "tcp",
                a=client,
                b=server,
                directed=True,
                via=via,
                detail=count(sum(flow.connections for flow in flows), "connection"),
            ),
            why=f"loopback ends at the Pod, and {what} is not known{whose}: the kernel does not tell whose a "
            "closed connection was",
            todo=f"Look for {via} in the other containers' configuration: whoever it is needs a Service in its place.",
        )


def _unix(snapshot: Snapshot, container: str) -> Iterator[UnknownEnd]:
    paths = {each.inode: each.path for each in snapshot.network.unix}
    found: dict[str, int] = {}
    for each in snapshot.network.unix:
        if each.container == container and each.peer_inode and each.peer_container is None:
            via = each.path or paths.get(each.peer_inode) or "unnamed"
            found[via] = found.get(via, 0) + 1
    for via, sockets in found.items():
        yield UnknownEnd(
            Channel(kind="unix", a=container, b=None, via=via, detail=count(sockets, "connection")),
            why="a unix socket exists on one node, and whose the other end is, is not known",
            todo=f"Find out who else uses {via}; a TCP port has to take its place.",
        )


def _segments(snapshot: Snapshot) -> Iterator[UnknownEnd]:
    if not gaps(snapshot):
        return  # all who have one attached were seen
    for each in snapshot.ipc.shared_memory:
        unseen = each.attachments - len(each.attached)
        if unseen > 0:
            yield _shared(
                "shared-memory",
                {user.container for user in each.attached},
                each.key,
                f"{count(unseen, 'attachment')} of unknown processes",
                "and not all who have it attached could be seen",
            )


def _semaphores(snapshot: Snapshot) -> Iterator[UnknownEnd]:
    for each in snapshot.ipc.semaphores:
        users = {*each.containers, *(waiter.container for waiter in each.waiters)}
        if len(users) > 1 or (users and each.key == _PRIVATE):
            continue
        yield _shared(
            "semaphore",
            users,
            each.key,
            count(each.semaphores, "semaphore"),
            "of its users the kernel keeps only the last one",
        )


def _queues(snapshot: Snapshot) -> Iterator[UnknownEnd]:
    for each in snapshot.ipc.message_queues:
        ends = {each.last_send_container, each.last_receive_container}
        users = {end for end in ends if end is not None}
        if len(users) > 1 or (ends == users and each.key == _PRIVATE):
            continue
        yield _shared(
            "message-queue",
            users,
            each.key,
            count(each.messages, "message"),
            "of its users the kernel keeps only who sent and who received last",
        )


def _shared(kind: str, users: Iterable[str], via: str, detail: str, reason: str) -> UnknownEnd:
    known = sorted(users)
    who = f"seen: {listed(known)}" if known else "none was seen"
    channel = Channel(
        kind=kind,  # type: ignore[arg-type]  # a literal
        a=known[0] if known else None,
        b=None,
        via=via,
        detail=detail,
    )
    return UnknownEnd(
        channel,
        why=f"it exists within one IPC namespace, which is one Pod's, and {reason} ({who})",
        todo=f"Find out which programs open key {via}: if they are in two containers, these are bound to each other.",
    )
