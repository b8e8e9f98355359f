"""Areas `dev_shm` and `mqueue`: POSIX shared memory and semaphores (files of /dev/shm), POSIX message queues."""

from __future__ import annotations

import os
import stat

from podprobe_agent import inroot, procfs
from podprobe_agent.collectors import _door, _shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_MOST_FILES = 10_000
_MOST_QUEUES = 4096  # more than any queues_max in use; listed names cost memory
_MQUEUE = "/dev/mqueue"
_DEV_SHM = b"/dev/shm"


def collect_dev_shm(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.DevShmItem`: every regular file below the container's /dev/shm, directories included."""
    try:
        directory = _open_dev_shm(context)
    except OSError as error:
        context.note("none", f"cannot list the container's /dev/shm: {error.strerror or error}")
        return
    for count, item in enumerate(_files(directory, b"", os.fstat(directory).st_dev, depth=0)):
        if count >= _MOST_FILES or context.expired:
            context.note("partial", f"it has more than the {count} files that were looked at")
            return
        yield item


def _open_dev_shm(context: Context) -> int:
    """The container's own; where that is closed, the agent's, if it is the same filesystem (the Pod's)."""
    try:
        place = inroot.open_path(_door.find(context), _DEV_SHM)
    except PermissionError:
        mine = os.open(_DEV_SHM, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        same = procfs.device(os.fstat(mine).st_dev)
        theirs = [mount for mount in _shared.mounts(context, context.root_pid) if mount.path == _DEV_SHM]
        if not theirs or theirs[-1].device != same or theirs[-1].root != b"/":
            os.close(mine)
            raise
        place = mine
    try:
        return inroot.reopen_directory(place)
    finally:
        os.close(place)


def _files(directory: int, prefix: bytes, device: int, depth: int) -> Iterator[dict[str, Any]]:
    """Closes `directory`. Names below a directory are given with it: `boost/ring`."""
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # unlinked meanwhile
                name = prefix + os.fsencode(entry.name)
                if stat.S_ISREG(status.st_mode):
                    yield _item(name, status)
                elif stat.S_ISDIR(status.st_mode) and status.st_dev == device and depth < 8:
                    try:
                        below = inroot.open_directory(os.fsencode(entry.name), directory)
                    except OSError:
                        continue
                    yield from _files(below, name + b"/", device, depth + 1)
    finally:
        os.close(directory)


def _item(name: bytes, status: os.stat_result) -> dict[str, Any]:
    return {
        "name": procfs.text(name),
        "device": procfs.device(status.st_dev),
        "inode": status.st_ino,
        "bytes": status.st_size,
        "used_bytes": status.st_blocks * 512,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mode": stat.S_IMODE(status.st_mode),
        "modified_at": status.st_mtime,
    }


def collect_mqueue(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.MqueueItem`: the IPC namespace's queues, through the agent's own or the container's mount."""
    try:
        directory = _open_mqueue(context)
    except OSError as error:
        context.note(
            "none",
            f"no mqueue filesystem is mounted for the agent or the container: {error.strerror or error}",
            "/dev/mqueue mounted in the container",
        )
        return
    denied = count = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if count >= _MOST_QUEUES or context.expired:
                    context.note("partial", f"there are more than the {count} queues that were looked at")
                    break
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                count += 1
                attributes = _attributes(entry.name, directory)
                denied += attributes is None
                yield {
                    "name": procfs.text(b"/" + os.fsencode(entry.name)),
                    "inode": status.st_ino,
                    "uid": status.st_uid,
                    "gid": status.st_gid,
                    "mode": stat.S_IMODE(status.st_mode),
                    **(attributes or {}),
                }
    finally:
        os.close(directory)
    if denied:
        context.note(
            "partial",
            f"{denied} of {count} POSIX queues do not let this agent read how full they are: Permission denied",
            "an agent in the container that owns them",
        )


def _attributes(name: str, directory: int) -> dict[str, Any] | None:
    """Depth and bounds of a queue. Opening it takes no message; mq_getattr changes nothing."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    try:
        from podprobe_agent.collectors import _mqueue_calls

        attributes = _mqueue_calls.attributes(fd)
        queued = _queued_bytes(os.read(fd, 256))
    except (ImportError, OSError):
        return None
    finally:
        os.close(fd)
    return {**(attributes or {}), "queued_bytes": queued}


def _queued_bytes(status: bytes) -> int | None:
    """`QSIZE:129     NOTIFY:0 …`: bytes in the queue."""
    digits = status.partition(b"QSIZE:")[2].split(None, 1)
    return int(digits[0]) if digits and digits[0].isdigit() else None


def queue_count(context: Context) -> int | None:
    """Queues of the IPC namespace; `None` where no mount shows them."""
    try:
        directory = _open_mqueue(context)
    except OSError:
        return None
    try:
        return len(os.listdir(directory))
    except OSError:
        return None
    finally:
        os.close(directory)


def _open_mqueue(context: Context) -> int:
    """Container runtimes mount mqueue for every container, the agent's included; local agents may have none."""
    try:
        if _is_mqueue(context, _MQUEUE):
            return os.open(_MQUEUE, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        pass
    paths = [mount.path for mount in _shared.mounts(context, context.root_pid) if mount.kind == "mqueue"]
    if not paths:
        raise FileNotFoundError(0, "nothing is mounted")
    place = inroot.open_path(_door.find(context), paths[-1])
    try:
        return inroot.reopen_directory(place)
    finally:
        os.close(place)


_queues: dict[int, bool] = {}
"""Whether a device of the agent's own is a mqueue filesystem: its container's mounts stay as they are."""


def _is_mqueue(context: Context, path: str) -> bool:
    number = os.stat(path).st_dev
    if number not in _queues:
        device = procfs.device(number)
        _queues[number] = any(
            mount.kind == "mqueue" and mount.device == device for mount in _shared.mounts(context, "self")
        )
    return _queues[number]
