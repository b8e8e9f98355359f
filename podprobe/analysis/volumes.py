"""Volumes and other mounts, put together from the spec and from what each container's agent saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podprobe.model import DeletedFile, FileLock, Filesystem, LockHolder, Mount, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.agents.answers import LockItem, MountItem, WalkItem
    from podprobe.analysis.answered import Answered, Household
    from podprobe.model import Volume

KERNEL_FILESYSTEMS = frozenset(
    {
        "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs",
        "securityfs", "sysfs", "tracefs",
    }
)  # fmt: skip
"""Filesystems that hold no files of anyone's: they are mounts, but never full."""


def filesystem(item: MountItem) -> Filesystem | None:
    """What statvfs said of a mount; `None` where it did not answer."""
    if item.bytes is None or item.used_bytes is None:
        return None
    return Filesystem(
        bytes=item.bytes,
        used_bytes=item.used_bytes,
        available_bytes=item.available_bytes or 0,
        inodes=item.inodes or 0,
        used_inodes=item.used_inodes or 0,
    )


def topmost(answer: Answered) -> dict[str, MountItem]:
    """The mounts of an agent's container by path; of several at one path, the last hides the others."""
    return {item.path: item for item in answer.areas.items["mounts"]}


def _at(table: Mapping[str, MountItem], path: str) -> MountItem | None:
    """The mount that a manifest declares at a path. Where /var/run is a link to /run, the kernel knows it by that."""
    found = table.get(path)
    if found is None and path.startswith("/var/run/"):
        found = table.get(path.removeprefix("/var"))
    return found


def walk_plan(volumes: Sequence[Volume], containers: frozenset[str]) -> dict[str, list[str]]:
    """Which directories each container's agent is to walk, so that every volume is walked once.

    A container that mounts the whole volume is preferred to one that has only a sub path of it.

    Args:
        volumes: as declared.
        containers: those with an agent.
    """
    plan: dict[str, list[str]] = {}
    for volume in volumes:
        if volume.type != "emptyDir" or volume.medium == "Memory":
            continue
        mounts = [m for m in volume.mounts if m.container in containers]
        whole = [m for m in mounts if m.sub_path is None]
        if whole:
            plan.setdefault(whole[0].container, []).append(whole[0].path)
    return plan


def volumes(declared: Sequence[Volume], answers: Sequence[Answered], people: Household) -> tuple[Volume, ...]:
    """The declared volumes with what was measured of them."""
    tables = {answer.container: topmost(answer) for answer in answers if answer.container is not None}
    walks: dict[tuple[str | None, str], WalkItem] = {
        (answer.container, item.path): item for answer in answers for item in answer.areas.items["walks"]
    }
    result = []
    for volume in declared:
        shown = [
            (mount, item)
            for mount in volume.mounts
            if (item := _at(tables.get(mount.container, {}), mount.path)) is not None
        ]
        measured = next((item for _, item in shown if item.bytes is not None), None)
        numbers = filesystem(measured) if measured else None
        result.append(
            msgspec.structs.replace(
                volume,
                filesystem_type=measured.filesystem_type if measured else None,
                filesystem=numbers,
                usage=_usage(volume, numbers, measured, walks),
                mounts=tuple(
                    msgspec.structs.replace(
                        m,
                        seen=_at(tables[m.container], m.path) is not None if m.container in tables else None,
                    )
                    for m in volume.mounts
                ),
                deleted_files=_deleted(volume, answers, people, frozenset(item.device for _, item in shown)),
                locks=_locks(answers, people, _inside(volume, answers, people, shown)),
            )
        )
    return tuple(result)


def _usage(
    volume: Volume,
    numbers: Filesystem | None,
    measured: MountItem | None,
    walks: Mapping[tuple[str | None, str], WalkItem],
) -> Usage | None:
    if (
        numbers is not None
        and measured is not None
        and measured.filesystem_type == "tmpfs"
        and measured.root == "/"
    ):
        # The volume is a filesystem of its own: its root directory is not counted as an inode in use by anyone.
        return Usage(bytes=numbers.used_bytes, inodes=numbers.used_inodes, method="statvfs", complete=True)
    for mount in volume.mounts:
        walk = walks.get((mount.container, mount.path))
        if walk is not None:
            return Usage(
                bytes=walk.bytes,
                inodes=walk.inodes,
                method="walk",
                complete=walk.complete,
                reason=walk.reason,
            )
    return None


def _under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _deleted(
    volume: Volume, answers: Sequence[Answered], people: Household, devices: frozenset[str]
) -> tuple[DeletedFile, ...]:
    found: dict[tuple[str, int], DeletedFile] = {}
    for answer in answers:
        for item in answer.areas.items["open_files"]:
            person = people.find(answer.container, item.pid)
            if (
                item.kind != "deleted"
                or person is None
                or person.container is None
                or item.device not in devices
            ):
                continue
            paths = [mount.path for mount in volume.mounts if mount.container == person.container]
            if any(_under(item.path, path) for path in paths):
                found.setdefault(
                    (item.device, item.inode),
                    DeletedFile(
                        container=person.container, process=person.ref, path=item.path.removesuffix(" (deleted)"),
                        bytes=item.bytes, inode=item.inode,
                    ),
                )  # fmt: skip
    return tuple(sorted(found.values(), key=lambda f: -f.bytes))


_LockKey = tuple[int, str, int]
"""The kernel's number of a lock, which two readings a moment apart may give to different locks, with its file."""


def _inside(
    volume: Volume,
    answers: Sequence[Answered],
    people: Household,
    shown: Sequence[tuple[object, MountItem]],
) -> set[_LockKey]:
    """Locks that lie in the volume: their path says so, or their filesystem is the volume's alone."""
    own = {item.device for _, item in shown if item.filesystem_type == "tmpfs" and item.root == "/"}
    result = set()
    for answer in answers:
        for lock in answer.areas.items["locks"]:
            # Where PIDs are shared, one agent tells of every container's locks, with paths as the process has them.
            person = people.find(answer.container, lock.pid)
            container = (person.container if person else None) or answer.container
            paths = [mount.path for mount in volume.mounts if mount.container == container]
            if lock.device in own or (lock.path and any(_under(lock.path, path) for path in paths)):
                result.add((lock.id, lock.device, lock.inode))
    return result


def _locks(answers: Sequence[Answered], people: Household, inside: set[_LockKey]) -> tuple[FileLock, ...]:
    """Locks with those who wait.

    An agent sees the locks that processes of its own PID namespace hold, and that someone waits for them, but not
    who, where the waiter is in another. That waiter's own agent tells of it with id 0.
    """
    holders: dict[_LockKey, tuple[LockItem, LockHolder]] = {}
    waiters: dict[_LockKey, dict[LockHolder, None]] = {}
    strangers: dict[tuple[str, str, int], dict[LockHolder, None]] = {}
    for answer in answers:
        for lock in answer.areas.items["locks"]:
            key = (lock.id, lock.device, lock.inode)
            person = people.find(answer.container, lock.pid) if lock.pid > 0 else None
            if lock.waiting and lock.pid > 0 and person is None:
                continue  # an agent's, or it has ended meanwhile; those of other PID namespaces have no number
            party = LockHolder(
                container=person.container if person else None,
                pid=lock.pid if person else None,
                process=person.item.name if person else None,
                access=lock.access,
            )
            if lock.id == 0:
                strangers.setdefault((lock.kind, lock.device, lock.inode), {})[party] = None
            elif key not in inside:
                continue
            elif lock.waiting:
                waiters.setdefault(key, {})[party] = None
            elif key not in holders or holders[key][1].container is None:
                holders[key] = (lock, party)
    return tuple(
        FileLock(
            kind=lock.kind,
            inode=lock.inode,
            path=lock.path,
            holder=holder,
            waiters=_named(
                waiters.get(key, {}),
                strangers.get((lock.kind, lock.device, lock.inode), {}),
                holder.container,
            ),
        )
        for key, (lock, holder) in sorted(holders.items())
    )


def _named(
    shown: Mapping[LockHolder, None], strangers: Mapping[LockHolder, None], container: str | None
) -> tuple[LockHolder, ...]:
    """Waiters that the holder's agent saw without a name, named by those that another container's agent told of."""
    nameless = [waiter for waiter in shown if waiter.container is None]
    named = [waiter for waiter in strangers if waiter.container not in (None, container)]
    if not nameless or not named:
        return tuple(shown)
    return (*(waiter for waiter in shown if waiter.container is not None), *named)


def mounts(declared: Sequence[Volume], answers: Sequence[Answered]) -> tuple[Mount, ...]:
    """Every mount of every container that is no volume of the Pod."""
    claimed = {(mount.container, mount.path) for volume in declared for mount in volume.mounts}
    # As `_at` finds them.
    claimed |= {(name, path.removeprefix("/var")) for name, path in claimed if path.startswith("/var/run/")}
    result = []
    for answer in answers:
        if answer.container is None:
            continue
        for path, item in topmost(answer).items():
            if (answer.container, path) in claimed or item.filesystem_type in KERNEL_FILESYSTEMS:
                continue
            result.append(
                Mount(
                    container=answer.container,
                    path=path,
                    filesystem_type=item.filesystem_type,
                    source=item.source,
                    options=item.options,
                    read_only=item.read_only,
                    device=item.device,
                    filesystem=filesystem(item),
                )
            )
    return tuple(sorted(result, key=lambda m: (m.container, m.path)))
