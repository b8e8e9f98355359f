"""Shared memory: segments that leak, and a /dev/shm that runs full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds
from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import listed, percent, share, size
from podprobe.findings.ipc.whose import named, ours
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.model import PosixSharedMemory, SharedMemory


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
        if not ours(look, each.creator_container):
            continue
        creator = each.creator_container or "a container"
        idle = seconds_between(each.detached_at, look.snapshot.taken_at)
        detached = f" since {each.detached_at}" if idle is not None and idle > 0 else ""
        yield Hit(
            subject=named("shm", each),
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
    measured="statvfs() of /dev/shm in each container; its files by listing it, and those without a name by who "
    "has them mapped or open.",
    why="The runtime gives a Pod one /dev/shm of 64 MiB for all its containers, whatever their memory "
    "limits. When it is full, writing to a mapping kills the process with SIGBUS; databases, browsers "
    "and machine-learning loaders do.",
    remedy="Mount an emptyDir with `medium: Memory` and a sizeLimit at /dev/shm in each container that "
    "shares it. What is unlinked goes when those who hold it let go of it, or end.",
    thresholds={
        "warning_ratio": bounds.threshold("IPC102.warning_ratio", Threshold),
        "critical_ratio": bounds.threshold("IPC102.critical_ratio", Threshold),
    },
    of_channels=True,
)
def full_dev_shm(look: Look) -> Iterator[Hit]:
    """A /dev/shm that runs full."""
    for index, each in enumerate(look.snapshot.ipc.dev_shm):
        filled = share(each.filesystem.used_bytes, each.filesystem.bytes)
        if filled is None or filled < look["warning_ratio"]:
            continue
        # Only a volume of its own makes this /dev/shm another than the Pod's, so only then are files told apart.
        files = [
            file
            for file in look.snapshot.ipc.posix_shared_memory
            if set(file.containers) & {*each.containers}
        ]
        whose = listed(each.containers)
        yield Hit(
            subject=f"/dev/shm of {whose}",  # noqa: S108
            severity="critical" if filled >= look["critical_ratio"] else "warning",
            evidence=[
                (
                    f"/dev/shm of {whose} holds {size(each.filesystem.used_bytes)} of "  # noqa: S108
                    f"{size(each.filesystem.bytes)} ({percent(filled)})."
                ),
                *_contents(files, each.filesystem.used_bytes),
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


_UNSEEN_SHARE = 0.1
"""Of what a /dev/shm holds: more than this in no file that was seen is told."""


def _contents(files: Sequence[PosixSharedMemory], used: int) -> Iterator[str]:
    largest = sorted(files, key=lambda file: -file.used_bytes)[:3]
    if largest:
        yield f"The largest: {listed(map(_described, largest))}."
    unseen = used - sum(file.used_bytes for file in files)
    if (share(unseen, used) or 0.0) > _UNSEEN_SHARE:
        yield (
            f"{size(unseen)} of it is in no file that the agents could measure: see under what was not seen, what was "
            "closed to them."
        )


def _described(file: PosixSharedMemory) -> str:
    """`ring (60 MiB, unlinked, held by python3 (PID 12 of app))`."""
    holders = [f"{each.process} (PID {each.pid} of {each.container})" for each in file.mapped]
    more = [f"{len(holders) - 2} more"] if len(holders) > 2 else []
    least = "at least " if file.measured == "mapping" else ""
    parts = [f"{least}{size(file.used_bytes)}"]
    if file.unlinked:
        parts.append("unlinked")
    if holders:
        parts.append(f"held by {listed([*holders[:2], *more])}")
    return f"{file.name} ({', '.join(parts)})"
