"""System V and POSIX IPC: what leaks, fills and blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds, health
from podprobe.analysis.moments import seconds_between
from podprobe.analysis.words import count, listed, percent, share, size
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import SemaphoreSet, SharedMemory


def _ours(look: Look, *containers: str | None) -> bool:
    """It is the Pod's: with `hostIPC`, only what one of its containers is known to use is, the rest is the node's."""
    return not look.snapshot.target.host_ipc or any(containers)


@rule(
    "IPC101",
    "warning",
    title="A shared-memory segment is leaked",
    when="A System V segment has no attachment, its creator is dead, and it is not marked to go.",
    measured="`nattch` and `cpid` of /proc/sysvipc/shm, read in every container's PID namespace; the creator "
    "is dead where no process of that container has its PID.",
    why="A segment lives in the Pod's IPC namespace, not in a container: it survives container restarts, "
    "and every restart may leave another one. Its memory is charged to the Pod until the Pod ends.",
    remedy="Remove it with ipcrm; let the program mark it with `shmctl(IPC_RMID)` as soon as all have "
    "attached, or attach to the one that is there when it starts again.",
)
def leaked_segment(look: Look) -> Iterator[Hit]:
    """A segment that nobody will ever use again."""
    for index, each in enumerate(look.snapshot.ipc.shared_memory):
        if each.attachments > 0 or each.creator_alive is not False or each.destroyed:
            continue
        if not _ours(look, each.creator_container):
            continue
        creator = each.creator_container or "a container"
        idle = seconds_between(each.detached_at, look.snapshot.taken_at)
        detached = f" since {each.detached_at}" if idle is not None and idle > 0 else ""
        yield Hit(
            subject=f"shm {each.key} ({each.id})",
            evidence=[
                (
                    f"Segment {each.key} (id {each.id}, {size(each.bytes)}{_resident(each)}) has no "
                    f"attachment{detached}."
                ),
                f"Its creator, PID {each.creator_pid or 'unknown'} of {creator}, no longer runs.",
            ],
            remedy=f"Run `ipcrm -m {each.id}` in {creator} as uid {each.uid}; then let its program call "
            "shmctl(IPC_RMID) once all have attached.",
            pointers=[f"/ipc/shared_memory/{index}"],
            containers=[each.creator_container],
        )


def _resident(segment: SharedMemory) -> str:
    return "" if segment.resident_bytes is None else f", {size(segment.resident_bytes)} of it in memory"


@rule(
    "IPC102",
    "critical",
    "warning",
    title="/dev/shm is nearly full",  # noqa: S108  # named, not written to
    when="A /dev/shm is {warning_ratio:percent} full or more (warning), or {critical_ratio:percent} "
    "(critical).",
    measured="statvfs() of /dev/shm in each container.",
    why="The runtime gives a Pod one /dev/shm of 64 MiB for all its containers, whatever their memory "
    "limits. When it is full, writing to a mapping kills the process with SIGBUS; databases, browsers "
    "and machine-learning loaders do.",
    remedy="Mount an emptyDir with `medium: Memory` and a sizeLimit at /dev/shm in each container that "
    "shares it.",
    thresholds={
        "warning_ratio": bounds.threshold("IPC102.warning_ratio", Threshold),
        "critical_ratio": bounds.threshold("IPC102.critical_ratio", Threshold),
    },
)
def full_dev_shm(look: Look) -> Iterator[Hit]:
    """A /dev/shm that runs full."""
    for index, each in enumerate(look.snapshot.ipc.dev_shm):
        filled = share(each.filesystem.used_bytes, each.filesystem.bytes)
        if filled is None or filled < look["warning_ratio"]:
            continue
        # Only a volume of its own makes this /dev/shm another than the Pod's, so only then are files told apart.
        largest = sorted(
            (
                file
                for file in look.snapshot.ipc.posix_shared_memory
                if set(file.containers) & {*each.containers}
            ),
            key=lambda file: -file.used_bytes,
        )[:3]
        files = listed(f"{file.name} ({size(file.used_bytes)})" for file in largest)
        whose = listed(each.containers)
        yield Hit(
            subject=f"/dev/shm of {whose}",  # noqa: S108
            severity="critical" if filled >= look["critical_ratio"] else "warning",
            evidence=[
                (
                    f"/dev/shm of {whose} holds {size(each.filesystem.used_bytes)} of "  # noqa: S108
                    f"{size(each.filesystem.bytes)} ({percent(filled)})."
                ),
                *([f"The largest: {files}."] if largest else []),
            ],
            remedy=f"Raise `sizeLimit` of volume {each.volume}."
            if each.volume
            else (
                "Add the volume `{name: dshm, emptyDir: {medium: Memory, sizeLimit: 256Mi}}` to "
                f"the Pod, and mount it at /dev/shm in {whose}."
            ),
            pointers=[f"/ipc/dev_shm/{index}"],
            containers=each.containers,
        )


@rule(
    "IPC103",
    "warning",
    title="A message queue is filling and not drained",
    when="A System V message queue holds {warning_ratio:percent} or more of the bytes that it may.",
    measured="`cbytes` of /proc/sysvipc/msg against `msg_qbytes` (msgctl(IPC_STAT)), else `kernel.msgmnb`; "
    "`rtime` and `stime` for who is behind.",
    why="msgsnd() blocks when the queue is full, or fails with EAGAIN: the sender runs at the pace of its "
    "receiver, or loses messages. Nothing but this queue shows it.",
    remedy="Start the receiver, or give it more workers. A larger queue (`kernel.msgmnb`) only delays what a "
    "receiver that is slower than its sender leads to.",
    thresholds={"warning_ratio": bounds.threshold("IPC103.warning_ratio", Threshold)},
)
def full_queue(look: Look) -> Iterator[Hit]:
    """A queue whose receiver is slow or away."""
    for index, each in enumerate(look.snapshot.ipc.message_queues):
        room = health.queue_room(look.snapshot, each)
        filled = share(each.bytes, room)
        if room is None or filled is None or filled < look["warning_ratio"]:
            continue
        if not _ours(look, each.last_send_container, each.last_receive_container):
            continue
        receiver = each.last_receive_container
        if each.received_at is None:
            behind, remedy = (
                "Nobody has ever received from it.",
                f"Start a receiver of queue {each.key}, or remove the sender.",
            )
        else:
            behind = (
                "It was last received from at "
                f"{each.received_at}{f' by {receiver}' if receiver else ''}, last sent to at "
                f"{each.sent_at}."
            )
            remedy = (
                f"Give {receiver or 'the receiver'} of queue {each.key} more workers or CPU: it takes "
                "messages slower than they come."
            )
        yield Hit(
            subject=f"msg {each.key} ({each.id})",
            evidence=[
                (
                    f"Queue {each.key} (id {each.id}) holds {size(each.bytes)} of {size(room)} "
                    f"({percent(filled)}) in {count(each.messages, 'message')}."
                ),
                behind,
            ],
            remedy=remedy,
            pointers=[f"/ipc/message_queues/{index}"],
            containers=[each.last_send_container, receiver],
        )


@rule(
    "IPC104",
    "warning",
    title="A process waits on a semaphore",
    when="The same process waits on the same semaphore set through {looks:n} looks or more, and nobody "
    "operated on the set meanwhile.",
    measured="GETNCNT and GETZCNT of every semaphore (semctl), `otime` of /proc/sysvipc/sem, and the processes "
    "that sleep in semop() (/proc/PID/syscall, /proc/PID/wchan).",
    why="A semaphore that nobody raises holds its waiters for ever. Semaphores outlive processes: one "
    "that was killed while it held the lock leaves it taken, unless it used SEM_UNDO.",
    remedy="Find who should raise it. If its holder has died, restart the containers that use the set after "
    "removing it (ipcrm -s), and let the program use SEM_UNDO.",
    thresholds={"looks": Threshold(3, "looks, one after the other, that show it waiting")},
)
def long_wait(look: Look) -> Iterator[Hit]:
    """Nobody raises the semaphore."""
    looks = max(1, int(min(look["looks"], 1000)))
    if len(look.history) < looks - 1:
        return
    past = look.history[len(look.history) - (looks - 1) :]
    for index, each in enumerate(look.snapshot.ipc.semaphores):
        earlier = [next((old for old in snap.ipc.semaphores if old.id == each.id), None) for snap in past]
        if not waiting(each) or any(
            old is None or not waiting(old) or old.operated_at != each.operated_at for old in earlier
        ):
            continue
        stuck = {(who.container, who.pid, who.process) for who in each.waiters}
        for old in earlier:
            if old is not None and old.waiters:
                stuck &= {(who.container, who.pid, who.process) for who in old.waiters}
        if (each.waiters and not stuck) or not _ours(look, *(container for container, _, _ in stuck)):
            continue
        names = listed(f"{name} (PID {pid} of {container})" for container, pid, name in sorted(stuck))
        seconds = seconds_between(past[0].taken_at if past else None, look.snapshot.taken_at)
        held = f", {seconds:.0f} seconds," if seconds is not None else ""
        number = next((place for place, queued in enumerate(each.waiting or ()) if queued), None)
        which = f"semaphore {number} of set {each.key}" if number is not None else f"set {each.key}"
        yield Hit(
            subject=f"sem {each.key} ({each.id})",
            evidence=[
                (
                    f"{names or count(sum(each.waiting or ()), 'process', 'processes')} waited on {which} "
                    f"(id {each.id}) through {looks} looks{held} and nobody operated on it."
                ),
                *(
                    [f"Its values are {listed(str(value) for value in each.values[:16])}."]
                    if each.values
                    else []
                ),
            ],
            remedy=f"Find who should raise {which}. If its holder died, run `ipcrm -s {each.id}` and restart "
            "the containers that use it; let the program pass SEM_UNDO to semop().",
            pointers=[f"/ipc/semaphores/{index}"],
            containers=sorted({container for container, _, _ in stuck}),
        )


def waiting(each: SemaphoreSet) -> bool:
    """Somebody waits on the set."""
    return bool(each.waiters) or any(each.waiting or ())


@rule(
    "IPC105",
    "warning",
    title="A kernel limit of the IPC namespace is near",
    when="Segments, semaphores, queues or shared pages take {warning_ratio:percent} or more of what the "
    "IPC namespace may have.",
    measured="`kernel.shmmni`, `shmall`, `sem`, `msgmni` and `fs.mqueue.queues_max` of the namespace, and the "
    "objects in it (/proc/sysvipc/*, /dev/mqueue).",
    why="At the limit, shmget(), semget(), msgget() and mq_open() fail with ENOSPC, in whichever "
    "container comes next.",
    remedy="Remove what is leaked (IPC101), or raise the sysctl in `spec.securityContext.sysctls` (the "
    "namespaced ones are allowed as safe or unsafe sysctls, by the cluster's policy).",
    thresholds={"warning_ratio": Threshold(0.8, "share of the limit that is taken")},
)
def near_limit(look: Look) -> Iterator[Hit]:
    """Little is left of a limit."""
    for index, each in enumerate(look.snapshot.ipc.limits):
        filled = share(each.used, each.limit)
        if filled is None or filled < look["warning_ratio"]:
            continue
        yield Hit(
            subject=each.name,
            evidence=[f"{each.used:,} of {each.limit:,} ({percent(filled)}) of {each.name} are taken."],
            remedy="Remove what nobody uses (`ipcs -a`, `ls /dev/mqueue`), or raise "
            f"`{_SYSCTLS.get(each.name, each.name)}` under `spec.securityContext.sysctls`.",
            pointers=[f"/ipc/limits/{index}"],
        )


_SYSCTLS = {
    "shmmni": "kernel.shmmni",
    "shmall_bytes": "kernel.shmall",
    "semmni": "kernel.sem",
    "semmns": "kernel.sem",
    "msgmni": "kernel.msgmni",
    "mqueue_queues": "fs.mqueue.queues_max",
}


@rule(
    "IPC106",
    "warning",
    title="A POSIX message queue is full",
    when="A POSIX message queue holds as many messages as it may.",
    measured="mq_getattr() of every queue in /dev/mqueue: `mq_curmsgs` and `mq_maxmsg`.",
    why="mq_send() blocks, or fails with EAGAIN: the sender runs at the pace of its receiver, or loses "
    "messages.",
    remedy="Give the receiver more workers; a larger `mq_maxmsg` (up to `fs.mqueue.msg_max`) only helps with "
    "bursts.",
)
def full_posix_queue(look: Look) -> Iterator[Hit]:
    """A queue at its limit."""
    for index, each in enumerate(look.snapshot.ipc.posix_message_queues):
        if not each.max_messages or each.messages is None or each.messages < each.max_messages:
            continue
        users = list(dict.fromkeys(who.container for who in each.open_by))
        if not _ours(look, *users):
            continue
        by = f"; open in {listed(users)}" if users else "; no process that could be seen has it open"
        yield Hit(
            subject=f"mqueue {each.name}",
            evidence=[
                f"Queue {each.name} holds {each.messages:,} of {count(each.max_messages, 'message')}{by}."
            ],
            remedy=f"Let the receiver of {each.name} take messages faster, or start it; then make the queue "
            "with a larger mq_maxmsg if load comes in bursts.",
            pointers=[f"/ipc/posix_message_queues/{index}"],
            containers=users,
        )
