"""POSIX IPC: shared memory and semaphores (files of /dev/shm), message queues, and the /dev/shm themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.agents.answers import MapItem
from podprobe.analysis.attached import attachments, mode_text
from podprobe.analysis.held import DEV_SHM
from podprobe.analysis.places import topmost
from podprobe.analysis.times import rfc3339
from podprobe.analysis.volumes import filesystem
from podprobe.model import DevShm, PosixMessageQueue, PosixSharedMemory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podprobe.agents.answers import DevShmItem, MqueueItem, OpenFileItem
    from podprobe.analysis.answered import Answered, Household
    from podprobe.model import Attachment, Volume

_PLACE = DEV_SHM.rstrip("/")
_Key = tuple[str, int]
"""Device and inode."""


def posix_shared_memory(answers: Sequence[Answered], people: Household) -> tuple[PosixSharedMemory, ...]:
    """The files of every /dev/shm: those that are listed, and those without a name that processes hold."""
    mapped = attachments(answers, people, "maps", "posix")
    for kind in ("shm", "deleted"):
        for key, opened in attachments(answers, people, "open_files", kind).items():
            mapped[key] = list(dict.fromkeys([*mapped.get(key, ()), *opened]))
    files: dict[_Key, list[tuple[str | None, DevShmItem]]] = {}
    for answer in answers:
        for item in answer.areas.items["dev_shm"]:
            files.setdefault((item.device, item.inode), []).append((answer.container, item))
    result = []
    for key, views in files.items():
        item = views[0][1]
        result.append(
            PosixSharedMemory(
                name=item.name,
                bytes=item.bytes,
                used_bytes=item.used_bytes,
                inode=item.inode,
                uid=item.uid,
                gid=item.gid,
                mode=mode_text(item.mode),
                semaphore=item.name.startswith("sem."),
                mapped=tuple(mapped.get(key, ())),
                containers=tuple(sorted({container for container, _ in views if container})),
                modified_at=rfc3339(item.modified_at),
            )
        )
    over = _by_device(answers)
    for key, held in _unlinked(answers, people).items():
        if key not in files:
            result.append(_without_name(key, held, mapped.get(key, ()), over.get(key[0], ())))
    return tuple(sorted(result, key=lambda f: (f.name, f.containers, f.inode or 0)))


def _unlinked(answers: Sequence[Answered], people: Household) -> dict[_Key, list[MapItem | OpenFileItem]]:
    """What processes have mapped or open of files of /dev/shm that were removed, by file."""
    found: dict[_Key, list[MapItem | OpenFileItem]] = {}
    for answer in answers:
        removed: list[MapItem | OpenFileItem] = [
            *(item for item in answer.areas.items["maps"] if item.kind == "posix" and item.deleted),
            *(item for item in answer.areas.items["open_files"] if item.kind == "deleted"),
        ]
        for item in removed:
            if (
                (item.path or "").startswith(DEV_SHM)
                and item.device is not None
                and item.inode is not None
                and people.find(answer.container, item.pid) is not None
            ):
                found.setdefault((item.device, item.inode), []).append(item)
    return found


def _without_name(
    key: _Key, held: Sequence[MapItem | OpenFileItem], mapped: Sequence[Attachment], containers: Iterable[str]
) -> PosixSharedMemory:
    name = (held[0].path or "").removeprefix(DEV_SHM).removesuffix(" (deleted)")
    file = next((item.file for item in held if item.file is not None), None)
    mappings = [item for item in held if isinstance(item, MapItem)]
    reach = max((item.reach_bytes or 0 for item in mappings), default=0)
    resident = max((item.resident_bytes or 0 for item in mappings), default=0)
    return PosixSharedMemory(
        name=name,
        bytes=file.size_bytes if file else reach,
        used_bytes=file.used_bytes if file else resident,
        unlinked=True,
        measured="file" if file else "mapping",
        inode=key[1],
        uid=file.uid if file else None,
        gid=file.gid if file else None,
        mode=mode_text(file.mode) if file else None,
        semaphore=name.startswith("sem."),
        mapped=tuple(mapped),
        containers=tuple(sorted(containers)),
        modified_at=rfc3339(file.modified_at) if file else None,
    )


def _by_device(answers: Sequence[Answered]) -> dict[str, set[str]]:
    """Whose /dev/shm each device is."""
    found: dict[str, set[str]] = {}
    for answer in answers:
        item = topmost(answer).get(_PLACE)
        if item is not None and answer.container is not None:
            found.setdefault(item.device, set()).add(answer.container)
    return found


def posix_message_queues(answers: Sequence[Answered], people: Household) -> tuple[PosixMessageQueue, ...]:
    """The queues, each from an agent that may read how full it is."""
    opened = attachments(answers, people, "open_files", "mqueue")
    by_inode: dict[int, list[Attachment]] = {}
    for (_, inode), users in opened.items():
        if inode is not None:
            by_inode.setdefault(inode, []).extend(users)
    queues: dict[int, MqueueItem] = {}
    for answer in answers:
        for item in answer.areas.items["mqueue"]:
            if item.inode not in queues or queues[item.inode].messages is None:
                queues[item.inode] = item
    return tuple(
        PosixMessageQueue(
            name=item.name,
            messages=item.messages,
            max_messages=item.max_messages,
            message_bytes=item.message_bytes,
            queued_bytes=item.queued_bytes,
            uid=item.uid,
            gid=item.gid,
            mode=mode_text(item.mode),
            open_by=tuple(by_inode.get(item.inode, ())),
        )
        for item in sorted(queues.values(), key=lambda q: q.name)
    )


def dev_shm(answers: Sequence[Answered], volumes: Sequence[Volume]) -> tuple[DevShm, ...]:
    """Each /dev/shm, with those who have it."""
    over = {
        mount.container: volume.name for volume in volumes for mount in volume.mounts if mount.path == _PLACE
    }
    by_device: dict[str, tuple[list[str], Any]] = {}
    for answer in answers:
        for item in answer.areas.items["mounts"]:
            if item.path == _PLACE and item.bytes is not None:
                names, _ = by_device.setdefault(item.device, ([], item))
                if answer.container is not None:
                    names.append(answer.container)
    result = []
    for names, item in by_device.values():
        numbers = filesystem(item)
        if numbers is not None:
            volume = next((over[name] for name in names if name in over), None)
            result.append(DevShm(containers=tuple(sorted(set(names))), filesystem=numbers, volume=volume))
    return tuple(sorted(result, key=lambda d: d.containers))
