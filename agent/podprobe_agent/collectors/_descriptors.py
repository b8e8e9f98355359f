"""One pass over every process's file descriptors, for the areas `fds` and `open_files` together."""

from __future__ import annotations

import os
import stat

from podprobe_agent import mountinfo, procfs
from podprobe_agent.collectors import _shared, _unlinked
from podprobe_agent.collectors._denied import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

    Found = tuple[list[dict[str, Any]], list[dict[str, Any]]]

_DELETED = b" (deleted)"
_ANONYMOUS = (b"/memfd:", b"/SYSV", b"/dev/zero (deleted)", b"/[aio]")  # memory, not files
_IN_ONE_ITEM = 10_000
_MOST_FILES = 20_000
_MANY = 1000
_QUEUE_BYTES = 80  # what stat() tells for the size of every POSIX message queue


def sockets(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.FdItem`s, a process with very many sockets in several."""
    yield from _take(context, 0, "fds")


def files(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.OpenFileItem`s."""
    yield from _take(context, 1, "open_files")


def _take(context: Context, which: int, area: str) -> Iterator[dict[str, Any]]:
    """What one area wants, as it is found; what the other wants is left for it in the context."""
    left = context.shared.pop(f"descriptors.{area}", None)
    if left is not None:
        yield from left
        return
    other: list[dict[str, Any]] = []
    for found in _walk(context):
        yield from found[which]
        other += found[1 - which]
    context.shared[f"descriptors.{'open_files' if area == 'fds' else 'fds'}"] = other


def _walk(context: Context) -> Iterator[Found]:
    denied = Denied(context, "fd")
    reader = _Reader()
    seen = 0
    pids = _shared.pids(context)
    for pid in pids:
        if context.expired:
            for area in ("fds", "open_files"):
                context.note("partial", f"time was over after {seen} of {len(pids)} processes", area=area)
            break
        try:
            found = reader.process(pid)
        except procfs.GONE:
            continue
        except OSError as error:
            denied.add(pid, error)
            continue
        seen += 1
        denied.saw(pid)
        yield found
    for area in ("fds", "open_files"):
        denied.tell(area=area)
        if reader.skipped:
            context.note(
                "partial", f"{reader.skipped} open files on network filesystems were not looked at", area=area
            )


class MountTable:
    """The mounts on which processes have opened files. Nothing here asks a filesystem, so nothing waits for one."""

    def __init__(self) -> None:
        self._mounts: dict[int, dict[int, mountinfo.Mount]] = {}

    def of_descriptor(self, pid: int, fd: object) -> tuple[mountinfo.Mount | None, int | None]:
        """A file's mount and inode, from /proc/PID/fdinfo and mountinfo.

        `None` for a mount that the process's table does not have, and for an inode before Linux 5.14.
        """
        number = inode = None
        try:
            for line in procfs.read(procfs.path(pid, "fdinfo", fd), 4096).split(b"\n"):
                if line.startswith(b"mnt_id:"):
                    number = int(line[7:])
                elif line.startswith(b"ino:"):
                    inode = int(line[4:])
        except (OSError, ValueError):
            return None, None
        return self.find(pid, number), inode

    def find(self, pid: int, number: int | None) -> mountinfo.Mount | None:
        """The mount of an id (`mnt_id` of /proc/PID/fdinfo); `None` where the process's table does not have it."""
        if number is None:
            return None
        try:
            root = mountinfo.root_mount(pid)
            key = root[0] if root else -pid
            if key not in self._mounts:
                self._mounts[key] = {mount.id: mount for mount in mountinfo.read(pid)}
        except (OSError, ValueError):
            return None
        return self._mounts[key].get(number)


def on(mount: mountinfo.Mount | None) -> dict[str, Any]:
    """The fields of an answer that tell on which mount a file is."""
    if mount is None:
        return {}
    return {"mount_path": procfs.text(mount.path), "mount_root": procfs.text(mount.root)}


class _Reader:
    def __init__(self) -> None:
        self.skipped = 0
        self._files = 0
        self._table = MountTable()

    def process(self, pid: int) -> Found:
        """The sockets and the remarkable files of one process.

        Raises:
            OSError: its directory, or every link in it, is closed.
        """
        directory = os.open(procfs.path(pid, "fd"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        inodes: list[int] = []
        files: list[dict[str, Any]] = []
        try:
            for name, target in _targets(directory):
                if target.startswith(b"socket:["):
                    inodes.append(int(target[8:-1]))
                elif target.startswith(b"/") and self._files < _MOST_FILES:
                    item = self._file(pid, directory, name, target)
                    if item:
                        self._files += 1
                        files.append(item)
        finally:
            os.close(directory)
        items: list[dict[str, Any]] = [
            {"pid": pid, "sockets": inodes[at : at + _IN_ONE_ITEM], "complete": True}
            for at in range(0, len(inodes), _IN_ONE_ITEM)
        ]
        return items, files

    def _file(self, pid: int, directory: int, name: str, target: bytes) -> dict[str, Any] | None:
        deleted = target.endswith(_DELETED)
        in_shm = target.startswith(b"/dev/shm/")
        # The kernel shows a queue as `/NAME`, and its name holds no second slash.
        if not (deleted or in_shm or target.rfind(b"/") == 0) or target.startswith(_ANONYMOUS):
            return None
        mount, _ = self._table.of_descriptor(pid, name)
        if mount is not None and mount.kind not in mountinfo.LOCAL and mount.kind != "mqueue":
            self.skipped += deleted
            return None  # stat could wait for a server for ever
        try:
            status = os.stat(name, dir_fd=directory)
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        if deleted and status.st_nlink == 0:
            target = target[: -len(_DELETED)]
        if _is_queue(mount, status, target):
            kind = "mqueue"
        elif deleted and status.st_nlink == 0:
            kind = "deleted"
        elif in_shm:
            kind = "shm"
        else:
            return None
        more: dict[str, Any] = on(mount) if kind == "deleted" else {}
        if kind == "deleted" and in_shm:
            more["file"] = _unlinked.status(status)
        return {
            "pid": pid,
            "fd": int(name),
            "path": procfs.text(target),
            "kind": kind,
            # What stat() tells is not always what mountinfo and /proc/locks tell: overlay may pass on a layer's.
            "device": mount.device if mount else procfs.device(status.st_dev),
            "inode": status.st_ino,
            "bytes": status.st_blocks * 512,
            **more,
        }


def _targets(directory: int) -> Iterator[tuple[str, bytes]]:
    """Name and target of every link in a /proc/PID/fd.

    Raises:
        PermissionError: a process of another identity: it may be listed, but every link is closed.
    """
    tried = 0
    count = os.fstat(directory).st_size  # since Linux 6.2, else 0
    if count >= _MANY:
        # A process numbers its descriptors without gaps, or nearly: to read the links one after the other saves
        # listing them first, which takes a third as long again.
        found = 0
        while found < count and tried < 2 * count:
            name = str(tried)
            tried += 1
            try:
                target = os.readlink(name.encode(), dir_fd=directory)
            except PermissionError:
                raise
            except OSError:
                continue
            found += 1
            yield name, target
        if found == count == os.fstat(directory).st_size:
            return
    for name in os.listdir(directory):
        if tried and int(name) < tried:
            continue
        try:
            yield name, os.readlink(name.encode(), dir_fd=directory)
        except PermissionError:
            raise
        except OSError:
            continue  # closed meanwhile


def _is_queue(mount: mountinfo.Mount | None, status: os.stat_result, target: bytes) -> bool:
    """A POSIX queue: on a mqueue mount, or, as mq_open() has it, on the kernel's own, which no table shows."""
    if mount is not None:
        return mount.kind == "mqueue"
    return target.rfind(b"/") == 0 and status.st_size == _QUEUE_BYTES and os.major(status.st_dev) == 0
