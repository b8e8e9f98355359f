"""What a container uses of a sibling's, and what a start of its own would have run into without it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.times import seconds_between
from podprobe.findings import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, LastExit, Snapshot


@dataclass(frozen=True)
class Need:
    """A thing of a sibling's."""

    sentence: str
    """That the container uses it now."""
    sibling: str | None
    pointer: str
    thing: str
    """`127.0.0.1:5000`, `message queue 0x00001001`."""
    missing: str
    """A regular expression for the words of a program that did not find it."""
    made_at: str | None = None
    """When it came to be, where the kernel keeps that."""
    probe: str = "`exec`: no other kind reaches it"
    """What kind of probe can see it."""

    def named_in(self, message: str) -> bool:
        """A program that ended with these words may have missed it."""
        return bool(re.search(self.missing, message, re.IGNORECASE))


_ABSENT = r"\bENOENT\b|no such"
_REFUSED = r"refused"


def needs(snapshot: Snapshot, container: Container, last: LastExit) -> Iterator[Need]:
    """What the container uses now and was not there before its failed run; the likeliest first."""
    found = [
        *_queues(snapshot, container, last),
        *_segments(snapshot, container),
        *_semaphores(snapshot, container),
        *_ports(snapshot, container),
        *_unix_sockets(snapshot, container),
    ]
    message = (last.message or "").strip()
    for need in found:
        before = seconds_between(need.made_at, last.started_at)
        if before is not None and before > 0:
            continue
        if not message or need.named_in(message):
            yield need


def _queues(snapshot: Snapshot, container: Container, last: LastExit) -> Iterator[Need]:
    for index, queue in enumerate(snapshot.ipc.message_queues):
        users = {queue.last_send_container, queue.last_receive_container} - {None}
        sibling = next((name for name in sorted(filter(None, users)) if name != container.name), None)
        late = seconds_between(last.finished_at, queue.changed_at)
        # Whose the last sender and receiver are is not always known; a queue that was made between the failure and the
        # start that went well is what was missing, too.
        between = (
            late is not None
            and late > 0
            and (seconds_between(queue.changed_at, container.started_at) or 0) >= 0
        )
        if container.name not in users and (users or not between):
            continue
        when = f" It was made {late:.0f} s after that exit." if late is not None and late > 0 else ""
        by = f" with {sibling}" if sibling else ""
        yield Need(
            f"It uses message queue {queue.key}{by} now.{when}",
            sibling,
            f"/ipc/message_queues/{index}",
            f"message queue {queue.key}",
            f"{_ABSENT}|queue|msgget|{re.escape(queue.key)}",
            queue.changed_at,
        )


def _segments(snapshot: Snapshot, container: Container) -> Iterator[Need]:
    for index, segment in enumerate(snapshot.ipc.shared_memory):
        attached = {each.container for each in segment.attached}
        others = sorted(filter(None, ({segment.creator_container} | attached) - {container.name}))
        if container.name in attached and segment.creator_container != container.name and others:
            owner = segment.creator_container or others[0]
            yield Need(
                f"It has shared-memory segment {segment.key} of {owner} attached now.",
                owner,
                f"/ipc/shared_memory/{index}",
                f"shared-memory segment {segment.key}",
                f"{_ABSENT}|shared.memory|segment|shmget|{re.escape(segment.key)}",
                segment.changed_at,
            )


def _semaphores(snapshot: Snapshot, container: Container) -> Iterator[Need]:
    for index, each in enumerate(snapshot.ipc.semaphores):
        users = {*each.containers, *(waiter.container for waiter in each.waiters)}
        others = sorted(users - {container.name})
        if container.name in users and others:
            yield Need(
                f"It uses semaphore set {each.key} with {others[0]} now.",
                others[0],
                f"/ipc/semaphores/{index}",
                f"semaphore set {each.key}",
                f"{_ABSENT}|semaphore|semget|{re.escape(each.key)}",
                each.changed_at,
            )


def _ports(snapshot: Snapshot, container: Container) -> Iterator[Need]:
    for index, flow in enumerate(snapshot.network.flows):
        if (
            facts.inside(flow)
            and flow.from_container == container.name
            and flow.to_container not in {None, container.name}
        ):
            port = endpoints.split(flow.server)[1]
            answering = facts.listener_for(snapshot, flow.server, flow.protocol)
            reached = bool(answering) and not facts.loopback_only(answering) and flow.protocol == "tcp"
            yield Need(
                f"It connects to {flow.to_container} at {flow.server} now.",
                flow.to_container,
                f"/network/flows/{index}",
                flow.server,
                rf"{_REFUSED}|(?<!\d){port}(?!\d)",
                probe="`tcpSocket`" if reached else "`exec`: the kubelet does not reach loopback",
            )


def _unix_sockets(snapshot: Snapshot, container: Container) -> Iterator[Need]:
    listening = {
        (each.path, each.container)
        for each in snapshot.network.unix
        if each.state == "listen" and each.path and each.container
    }
    for index, socket in enumerate(snapshot.network.unix):
        serves = (
            socket.state == "established"
            and (socket.path, socket.container) in listening
            and socket.container != container.name
        )
        if serves and socket.peer_container == container.name and socket.path:
            yield Need(
                f"It connects to {socket.container} at {socket.path} now.",
                socket.container,
                f"/network/unix/{index}",
                socket.path,
                f"{_ABSENT}|{_REFUSED}|{re.escape(socket.path)}",
            )
