"""Area `walks`: what the directories of volumes hold, counted entry by entry, within a budget."""

from __future__ import annotations

import os
import stat
import time
from functools import partial

from podprobe_agent import inroot, mountinfo, patience
from podprobe_agent.collectors import _door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_LINKS_REMEMBERED = 50_000
_PENDING_BYTES = 4 << 20
_GRACE_SECONDS = 0.5


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.WalkItem` for each directory that was asked for. What one does not use of its time, the next has."""
    end = min(time.monotonic() + context.walk_seconds, context.deadline)
    entries = context.walk_entries
    door = _door.find(context)
    for number, path in enumerate(context.walk):
        left = len(context.walk) - number
        share = max(0.0, (end - time.monotonic()) / left)
        started = time.monotonic()
        walk = Walk(started + share, entries // left, lambda: context.expired)
        try:
            patience.call(partial(_start, door, path, walk), share + _GRACE_SECONDS)
        except OSError as error:
            # The thread may be stuck in the middle: what it has counted so far is true.
            walk.refused = walk.refused or isinstance(error, PermissionError)
            walk.stop(error.strerror or str(error))
        entries -= walk.inodes
        yield {
            "path": path,
            "bytes": walk.bytes,
            "inodes": walk.inodes,
            "complete": walk.reason is None,
            "reason": walk.reason,
            "refused": walk.refused,
            "duration_us": int((time.monotonic() - started) * 1e6),
        }


def _start(pid: int, path: str, walk: Walk) -> None:
    place = inroot.open_path(pid, os.fsencode(path))
    try:
        mount = inroot.mount_id(place)
        walk.start(inroot.reopen_directory(place), mount if _has_mounts(pid, place) else None)
    finally:
        os.close(place)


def _has_mounts(pid: int, place: int) -> bool:
    """Something is mounted on the mount that holds the directory: it may be below, and on the same device."""
    there = inroot.mount_id(place)
    return any(mount.parent == there for mount in mountinfo.read(pid))


class Walk:
    """Counts a directory tree. Never crosses a device or mount, follows a link, or opens what is no directory.

    One descriptor at a time: it goes back up by `..`, and makes sure that it has arrived where it came from. The
    names of directories yet to be visited are kept as bytes; a tree of any depth needs no recursion.

    Attributes:
        bytes: allocated (`st_blocks` × 512), directories included, a file with several links once: as `du`.
        inodes: likewise.
        reason: why the count is a lower bound; `None` if it is not.
        refused: something may not be read by this user.
    """

    def __init__(self, deadline: float, entries: int, cancelled: Any = None) -> None:
        self.bytes = 0
        self.inodes = 0
        self.reason: str | None = None
        self.refused = False
        self._deadline = deadline
        self._entries = entries
        self._cancelled = cancelled
        self._links: set[int] = set()
        self._device = -1
        self._mount: int | None = None
        self._pending_bytes = 0
        self._stopped = False

    def stop(self, reason: str) -> None:
        """End the walk early."""
        self._stopped = True
        self.reason = reason

    def start(self, directory: int, mount: int | None = None) -> None:
        """Walk the tree below a directory. Closes `directory`.

        Args:
            directory: a descriptor that can be listed.
            mount: id of its mount, where others are mounted below it.
        """
        self._mount = mount
        current = directory
        try:
            status = os.fstat(current)
            self._device = status.st_dev
            self._count(status)
            # For each level: who it is, and the names of its directories that are still to come.
            levels = [((status.st_dev, status.st_ino), self._list(current))]
            while levels and not self._stopped:
                name = _take(levels[-1][1])
                if name is None:
                    levels.pop()
                    if levels:
                        current = self._up(current, levels[-1][0])
                    continue
                self._pending_bytes -= len(name) + 1
                below = self._down(current, name)
                if below is None:
                    continue
                os.close(current)
                current = below
                status = os.fstat(current)
                levels.append(((status.st_dev, status.st_ino), self._list(current)))
        finally:
            os.close(current)

    def _down(self, current: int, name: bytes) -> int | None:
        try:
            below = inroot.open_directory(name, current)
        except FileNotFoundError:
            return None  # removed meanwhile
        except OSError as error:
            self._closed("a directory cannot be listed", error)
            return None
        try:
            # Without permission to search it there is no way back up from it, and nothing to learn of its entries.
            os.stat(".", dir_fd=below)
        except OSError as error:
            os.close(below)
            self._closed("a directory cannot be searched", error)
            return None
        if os.fstat(below).st_dev != self._device or (
            self._mount is not None and inroot.mount_id(below) != self._mount
        ):
            os.close(below)
            return None
        return below

    def _up(self, current: int, expected: tuple[int, int]) -> int:
        above = inroot.open_directory(b"..", current)
        os.close(current)
        status = os.fstat(above)
        if (status.st_dev, status.st_ino) != expected:
            self.stop("a directory was moved while it was walked")
        return above

    def _list(self, directory: int) -> bytearray:
        """Count a directory's entries; the names of the directories among them, each with a NUL at its end."""
        pending = bytearray()
        with os.scandir(directory) as entries:
            for entry in entries:
                if self._over():
                    break
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # removed meanwhile
                except OSError as error:  # it may be listed, and not searched
                    self._closed("an entry cannot be looked at", error)
                    continue
                if status.st_dev != self._device:
                    continue
                self._count(status)
                if stat.S_ISDIR(status.st_mode):
                    name = os.fsencode(entry.name)
                    if self._pending_bytes + len(name) >= _PENDING_BYTES:
                        self._partly("more directories side by side than fit in the memory for them")
                        continue
                    pending += name + b"\0"
                    self._pending_bytes += len(name) + 1
        return pending

    def _count(self, status: os.stat_result) -> None:
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            if status.st_ino in self._links:
                return
            if len(self._links) < _LINKS_REMEMBERED:
                self._links.add(status.st_ino)
            else:
                self._partly("so many files with several links that some may have been counted twice")
        self.inodes += 1
        self.bytes += status.st_blocks * 512

    def _over(self) -> bool:
        if self._stopped:
            return True
        if self.inodes >= self._entries:
            self.stop(f"stopped after {self.inodes} entries")
        elif not self.inodes % 64:
            if time.monotonic() >= self._deadline:
                self.stop("time for the walk was over")
            elif self._cancelled is not None and self._cancelled():
                self.stop("the look's time was over")
        return self._stopped

    def _closed(self, what: str, error: OSError) -> None:
        self.refused = self.refused or isinstance(error, PermissionError)
        self._partly(f"{what}: {error.strerror}")

    def _partly(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason


def _take(pending: bytearray) -> bytes | None:
    """Take the last name off; `None` if there is none."""
    if not pending:
        return None
    start = pending.rfind(b"\0", 0, len(pending) - 1) + 1
    name = bytes(pending[start:-1])
    del pending[start:]
    return name
