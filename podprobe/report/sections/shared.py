"""What containers share besides the network: IPC, /dev/shm, volumes, files and locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.held import holdings
from podprobe.report import units
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import (
    ABSENT,
    Cell,
    Column,
    Marks,
    Row,
    Section,
    count,
    full,
    ident,
    section,
    size,
    text,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.model import Attachment, LockHolder, SemaphoreSet, Snapshot, Volume


def ipc(snapshot: Snapshot, marks: Marks) -> Section:
    """Every System V and POSIX object: how full it is and who uses it."""
    columns = (
        Column("kind"),
        Column("key or name"),
        Column("size", right=True),
        Column("fill", right=True),
        Column("state"),
        Column("used by"),
        Column("id", 2, right=True),
        Column("mode", 3),
        Column("uid", 4, right=True),
    )
    return section("ipc", "IPC", columns, _ipc_rows(snapshot, marks))


def _ipc_rows(snapshot: Snapshot, marks: Marks) -> Iterator[Row]:
    objects = snapshot.ipc
    for index, segment in enumerate(objects.shared_memory):
        state = f"{segment.attachments} attached" + (", marked to go" if segment.destroyed else "")
        yield marks.row(
            f"/ipc/shared_memory/{index}",
            Cell("SysV shm"),
            text(segment.key, 40),
            size(segment.bytes),
            full(segment.resident_bytes, segment.bytes),
            Cell(state, segment.attachments),
            _users(segment.attached, segment.creator_container),
            ident(segment.id),
            text(segment.mode, 8),
            ident(segment.uid),
        )
    for index, semaphores in enumerate(objects.semaphores):
        yield marks.row(
            f"/ipc/semaphores/{index}",
            Cell("SysV sem"),
            text(semaphores.key, 40),
            count(semaphores.semaphores),
            ABSENT,
            Cell(_semaphore_state(semaphores)),
            words(sorted({f"{waiter.container}/{waiter.process}" for waiter in semaphores.waiters})),
            ident(semaphores.id),
            text(semaphores.mode, 8),
            ident(semaphores.uid),
        )
    for index, queue in enumerate(objects.message_queues):
        yield marks.row(
            f"/ipc/message_queues/{index}",
            Cell("SysV msgq"),
            text(queue.key, 40),
            size(queue.bytes),
            full(queue.bytes, queue.max_bytes),
            Cell(f"{units.number(queue.messages)} messages", queue.messages),
            ABSENT,
            ident(queue.id),
            text(queue.mode, 8),
            ident(queue.uid),
        )
    for index, file in enumerate(objects.posix_shared_memory):
        yield marks.row(
            f"/ipc/posix_shared_memory/{index}",
            Cell("POSIX sem" if file.semaphore else "POSIX shm"),
            text(file.name, 60),
            Cell(("≥ " if file.measured == "mapping" else "") + units.size(file.bytes), file.bytes),
            full(
                min(file.used_bytes, file.bytes),
                file.bytes,
                show=not file.semaphore and file.measured == "file",
            ),
            Cell(f"{len(file.mapped)} mapped" + (", unlinked" if file.unlinked else ""), len(file.mapped)),
            _users(file.mapped, None),
            ABSENT,
            text(file.mode, 8),
            ident(file.uid),
        )
    for index, posix_queue in enumerate(objects.posix_message_queues):
        known = posix_queue.messages is not None
        yield marks.row(
            f"/ipc/posix_message_queues/{index}",
            Cell("POSIX msgq"),
            text(posix_queue.name, 60),
            size(posix_queue.queued_bytes),
            full(posix_queue.messages, posix_queue.max_messages),
            Cell(f"{posix_queue.messages} of {posix_queue.max_messages} messages" if known else units.ABSENT),
            _users(posix_queue.open_by, None),
            ABSENT,
            text(posix_queue.mode, 8),
            ident(posix_queue.uid),
        )


def ipc_limits(snapshot: Snapshot, marks: Marks) -> Section:
    """The IPC namespace's limits and their use."""
    rows = [
        marks.row(
            f"/ipc/limits/{index}",
            text(limit.name, 40),
            count(limit.used),
            count(limit.limit),
            full(limit.used, limit.limit),
        )
        for index, limit in enumerate(snapshot.ipc.limits)
    ]
    columns = (
        Column("limit"),
        Column("used", right=True),
        Column("of", right=True),
        Column("share", right=True),
    )
    return section("ipc-limits", "IPC limits", columns, rows)


def dev_shm(snapshot: Snapshot, marks: Marks) -> Section:
    """Each /dev/shm."""
    rows = [
        marks.row(
            f"/ipc/dev_shm/{index}",
            words(found.containers),
            text(found.volume, 63) if found.volume else Cell("the Pod's own"),
            size(found.filesystem.used_bytes),
            size(found.filesystem.bytes),
            full(found.filesystem.used_bytes, found.filesystem.bytes),
        )
        for index, found in enumerate(snapshot.ipc.dev_shm)
    ]
    columns = (
        Column("of"),
        Column("volume"),
        Column("used", right=True),
        Column("size", right=True),
        Column("full", right=True),
    )
    return section("dev-shm", "/dev/shm", columns, rows)  # noqa: S108  # a title


def volumes(snapshot: Snapshot, marks: Marks) -> Section:
    """Volumes: what they hold, how far that is from their limit, how full the filesystem under them is."""
    rows = []
    for index, volume in enumerate(snapshot.volumes):
        usage, disk = volume.usage, volume.filesystem
        at_least = "" if usage is None or usage.complete else "≥ "
        rows.append(
            marks.row(
                f"/volumes/{index}",
                text(volume.name, 63),
                text(_kind(volume), 60),
                Cell(at_least + units.size(usage.bytes if usage else None), usage.bytes if usage else None),
                full(usage.bytes if usage else None, volume.size_limit_bytes, complete=not at_least),
                Cell(
                    at_least + units.number(usage.inodes if usage else None), usage.inodes if usage else None
                ),
                full(disk.used_bytes if disk else None, disk.bytes if disk else None),
                full(disk.used_inodes if disk else None, disk.inodes if disk else None),
                words((f"{mount.container}:{mount.path}" for mount in volume.mounts), 160),
            )
        )
    columns = (
        Column("volume"),
        Column("type", 2),
        Column("holds", right=True),
        Column("of limit", right=True),
        Column("files", 1, right=True),
        Column("disk", right=True),
        Column("inodes", right=True),
        Column("mounted at", 3),
    )
    return section("volumes", "Volumes", columns, rows)


def mounts(snapshot: Snapshot, marks: Marks) -> Section:
    """Every other mount."""
    rows = []
    for index, mount in enumerate(snapshot.mounts):
        disk = mount.filesystem
        rows.append(
            marks.row(
                f"/mounts/{index}",
                text(mount.container, 63),
                text(mount.path, 160),
                text(mount.filesystem_type, 30),
                Cell("ro" if mount.read_only else "rw"),
                size(disk.bytes if disk else None),
                full(disk.used_bytes if disk else None, disk.bytes if disk else None),
                full(disk.used_inodes if disk else None, disk.inodes if disk else None),
            )
        )
    columns = (
        Column("container"),
        Column("path"),
        Column("type"),
        Column("mode"),
        Column("size", right=True),
        Column("bytes", right=True),
        Column("inodes", right=True),
    )
    return section("mounts", "Other mounts", columns, rows)


def deleted_files(snapshot: Snapshot, marks: Marks) -> Section:
    """Deleted files that are still open."""
    rows = [
        marks.row(
            f"{place.pointer}/deleted_files/{number}",
            text(place.name, 160),
            text(file.path, 160),
            size(file.bytes),
            text(file.container, 63),
            Cell(f"{neutral(file.process.name, 40)} ({file.process.pid})"),
        )
        for place in holdings(snapshot)
        for number, file in enumerate(place.at.deleted_files)
    ]
    columns = (
        Column("in"),
        Column("path"),
        Column("bytes", right=True),
        Column("container"),
        Column("process"),
    )
    return section("deleted", "Deleted, still open", columns, rows)


def locks(snapshot: Snapshot, marks: Marks) -> Section:
    """File locks with those who wait for them."""
    rows = [
        marks.row(
            f"{place.pointer}/locks/{number}",
            text(place.name, 160),
            text(lock.path, 160) if lock.path else Cell(f"inode {lock.inode}"),
            Cell(f"{lock.kind} {lock.holder.access}"),
            Cell(_holder(lock.holder)),
            words(map(_holder, lock.waiters)),
        )
        for place in holdings(snapshot)
        for number, lock in enumerate(place.at.locks)
    ]
    columns = (Column("in"), Column("path"), Column("lock"), Column("held by"), Column("waited for by"))
    return section("locks", "File locks", columns, rows)


def _users(attached: Iterable[Attachment], creator: str | None) -> Cell:
    found = sorted({f"{user.container}/{user.process}" for user in attached})
    return words(found) if found or creator is None else text(f"made by {creator}", 80)


def _semaphore_state(semaphores: SemaphoreSet) -> str:
    waiting = sum(semaphores.waiting or ()) or len(semaphores.waiters)
    values = "" if semaphores.values is None else f"values {' '.join(map(str, semaphores.values[:8]))}"
    if len(semaphores.values or ()) > 8:
        values += " …"
    return ", ".join(filter(None, (values, f"{waiting} waiting" if waiting else ""))) or units.ABSENT


def _kind(volume: Volume) -> str:
    parts = [volume.type, f"({volume.medium})" if volume.medium else "", volume.source or ""]
    return " ".join(filter(None, parts))


def _holder(holder: LockHolder) -> str:
    name = neutral(holder.process or "?", 40)
    return f"{neutral(holder.container or '?', 63)}/{name} ({holder.pid if holder.pid is not None else '?'})"
