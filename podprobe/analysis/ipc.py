"""The IPC namespace, put together from what the agents saw: one reads the objects, all say who uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.analysis.attached import attachments, mode_text
from podprobe.analysis.posix_ipc import dev_shm, posix_message_queues, posix_shared_memory
from podprobe.analysis.times import rfc3339
from podprobe.model import (
    Ipc,
    Limit,
    MessageQueue,
    SemaphoreSet,
    SemaphoreWaiter,
    SharedMemory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podprobe.agents.answers import SysvMsgItem, SysvSemItem, SysvShmItem
    from podprobe.analysis.answered import Answered, Household
    from podprobe.model import Container, Volume

_SHM_DEST = 0o1000


def ipc(
    answers: Sequence[Answered], people: Household, containers: Sequence[Container], volumes: Sequence[Volume]
) -> Ipc:
    """Everything of the IPC namespace, and whose it is."""
    running = frozenset(c.name for c in containers if c.state == "running")
    all_seen = running <= people.complete
    return Ipc(
        shared_memory=_shared_memory(answers, people, all_seen=all_seen),
        semaphores=_semaphores(answers, people),
        message_queues=_message_queues(answers, people),
        posix_shared_memory=posix_shared_memory(answers, people),
        posix_message_queues=posix_message_queues(answers, people),
        limits=_limits(answers),
        dev_shm=dev_shm(answers, volumes),
    )


def key_text(key: int) -> str:
    """`0x00001234`."""
    return f"0x{key & 0xFFFFFFFF:08x}"


def _merged(answers: Iterable[Answered], area: str) -> dict[int, list[tuple[Answered, Any]]]:
    """Items of an area that every agent was asked for, by object id: PIDs in them differ by PID namespace."""
    merged: dict[int, list[tuple[Answered, Any]]] = {}
    for answer in answers:
        for item in answer.areas.items[area]:
            merged.setdefault(item.id, []).append((answer, item))
    return merged


def _shared_memory(
    answers: Sequence[Answered], people: Household, *, all_seen: bool
) -> tuple[SharedMemory, ...]:
    attached = attachments(answers, people, "maps", "sysv")
    result = []
    for shmid, views in sorted(_merged(answers, "sysv_shm").items()):
        item: SysvShmItem = views[0][1]
        creator_pid, creator_container, creator_alive = None, None, None
        for answer, view in views:
            # The kernel translates the creator's PID, alive or dead, into the namespace it belonged to, and to 0 for
            # every other: the agent that reads a number is in the creator's.
            if view.creator_pid > 0:
                person = people.find(answer.container, view.creator_pid)
                creator_pid = view.creator_pid
                creator_container = person.container if person else answer.container
                reused = person is not None and (person.item.started_at or 0) > view.changed_at + 1
                if answer.container is None or answer.container in people.complete:
                    creator_alive = person is not None and not reused
                break
        else:
            # No PID namespace of the Pod knows it: it went with its whole container. Only sure when all were asked.
            creator_alive = False if all_seen else None
        result.append(
            SharedMemory(
                key=key_text(item.key),
                id=shmid,
                bytes=item.bytes,
                resident_bytes=item.resident_bytes,
                mode=mode_text(item.mode),
                uid=item.uid,
                gid=item.gid,
                creator_uid=item.creator_uid,
                attachments=item.attachments,
                attached=tuple(attached.get((None, shmid), ())),
                destroyed=bool(item.mode & _SHM_DEST),
                creator_pid=creator_pid,
                creator_alive=creator_alive,
                creator_container=creator_container,
                attached_at=rfc3339(item.attached_at),
                detached_at=rfc3339(item.detached_at),
                changed_at=rfc3339(item.changed_at),
            )
        )
    return tuple(result)


def _semaphores(answers: Sequence[Answered], people: Household) -> tuple[SemaphoreSet, ...]:
    waiters: dict[int, list[SemaphoreWaiter]] = {}
    for answer in answers:
        for waiting in answer.areas.items["semaphore_waiters"]:
            person = people.find(answer.container, waiting.pid)
            if waiting.semid is not None and person is not None and person.container is not None:
                waiter = SemaphoreWaiter(
                    container=person.container, pid=waiting.pid, process=person.item.name
                )
                waiters.setdefault(waiting.semid, []).append(waiter)
    result = []
    for semid, views in sorted(_merged(answers, "sysv_sem").items()):
        # Which agent may read the values depends on its user id: take them from one that could.
        item: SysvSemItem = next((view for _, view in views if view.values is not None), views[0][1])
        result.append(
            SemaphoreSet(
                key=key_text(item.key),
                id=semid,
                semaphores=item.semaphores,
                mode=mode_text(item.mode),
                uid=item.uid,
                gid=item.gid,
                values=item.values,
                waiting=item.waiting,
                waiters=tuple(waiters.get(semid, ())),
                containers=_operators(views, people),
                operated_at=rfc3339(item.operated_at),
                changed_at=rfc3339(item.changed_at),
            )
        )
    return tuple(result)


def _operators(views: Sequence[tuple[Answered, SysvSemItem]], people: Household) -> tuple[str, ...]:
    """The containers whose processes were the last to operate on one of a set's semaphores."""
    names = {
        _container((answer, pid), people) for answer, view in views for pid in view.last_pids or () if pid > 0
    }
    return tuple(sorted(filter(None, names)))


def _message_queues(answers: Sequence[Answered], people: Household) -> tuple[MessageQueue, ...]:
    result = []
    for msqid, views in sorted(_merged(answers, "sysv_msg").items()):
        item: SysvMsgItem = next((view for _, view in views if view.max_bytes is not None), views[0][1])
        sender = next(((a, v.last_send_pid) for a, v in views if v.last_send_pid > 0), None)
        receiver = next(((a, v.last_receive_pid) for a, v in views if v.last_receive_pid > 0), None)
        result.append(
            MessageQueue(
                key=key_text(item.key),
                id=msqid,
                bytes=item.bytes,
                max_bytes=item.max_bytes,
                messages=item.messages,
                mode=mode_text(item.mode),
                uid=item.uid,
                gid=item.gid,
                last_send_pid=sender[1] if sender else None,
                last_receive_pid=receiver[1] if receiver else None,
                last_send_container=_container(sender, people),
                last_receive_container=_container(receiver, people),
                sent_at=rfc3339(item.sent_at),
                received_at=rfc3339(item.received_at),
                changed_at=rfc3339(item.changed_at),
            )
        )
    return tuple(result)


def _container(party: tuple[Answered, int] | None, people: Household) -> str | None:
    """The container of the last sender or receiver, which may have ended since."""
    if party is None:
        return None
    answer, pid = party
    person = people.find(answer.container, pid)
    return person.container if person else answer.container


def _limits(answers: Sequence[Answered]) -> tuple[Limit, ...]:
    value = next((v for a in answers if (v := a.areas.values.get("ipc_limits")) is not None), None)
    if value is None:
        return ()
    return tuple(
        Limit(name=name, limit=limit, used=value.used.get(name))
        for name, limit in sorted(value.limits.items())
    )
