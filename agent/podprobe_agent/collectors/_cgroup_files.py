"""The files of control groups, kept open from look to look.

To find a group's directories takes two mount tables and a walk through a container's root; to read a file of it
again takes one call: the kernel makes its contents anew for every read from its beginning. An open file holds no
group back: it is removed all the same, and reading it then says so.
"""

from __future__ import annotations

import errno
import os
import threading
import time

from podprobe_agent import procfs
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Find = Callable[[], "Found"]

_SECONDS = 30.0
"""After this long everything is looked for again: a controller may have come, a mount may have changed."""
_MOST_GROUPS = 16
_FILE_BYTES = 1 << 16

lock = threading.Lock()
"""Held while groups are read: a file must not be closed under one who reads it."""
_held: dict[int, Files] = {}


class Found(NamedTuple):
    """What was found of a process's group."""

    directories: dict[str, int]
    """By controller (empty: v2), open."""
    id: int | None
    """Inode of the v2 directory that the process itself is in."""


class Files:
    """The directories of a process's group, and the files in them that were read."""

    def __init__(self, found: Found, identity: tuple[int, bytes]) -> None:
        self.directories = found.directories
        self.id = found.id
        self.identity = identity
        self.at = time.monotonic()
        self.gone = False
        """A file could not be read any more: the group is gone."""
        self._files: dict[tuple[str, str], int] = {}

    def read(self, controller: str, file: str) -> bytes:
        """A file of the group; empty where it is not there (a controller that is off, an older kernel)."""
        fd = self._files.get((controller, file))
        if fd is None:
            fd = self._files[controller, file] = self._open(controller, file)
        if fd < 0:
            return b""
        try:
            return os.pread(fd, _FILE_BYTES, 0)
        except OSError as error:
            # Other errors are the file's own: without PSI the kernel has pressure files that cannot be read.
            self.gone = self.gone or error.errno == errno.ENODEV
            return b""

    def close(self) -> None:
        """Let go of all of it."""
        for fd in (*self._files.values(), *self.directories.values()):
            if fd >= 0:
                os.close(fd)
        self._files = {}
        self.directories = {}

    def _open(self, controller: str, file: str) -> int:
        directory = self.directories.get(controller, -1)
        if directory < 0:
            return -1
        try:
            return os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
        except OSError:
            return -1


def of(pid: int, find: Find) -> Files:
    """The files of a process's group: those of the look before, while process and group are the same.

    Args:
        pid: the process.
        find: opens the directories.

    Raises:
        OSError: what `find` raises.
    """
    identity = _identity(pid)
    known = _held.get(pid)
    if known is not None:
        if known.identity == identity and not known.gone and time.monotonic() - known.at < _SECONDS:
            return known
        del _held[pid]
        known.close()
    return Files(find(), identity or (0, b""))


def keep(pid: int, files: Files) -> None:
    """For the next look; or close them, where they would not be recognised then or there are many."""
    if files.identity[0] and not files.gone and (pid in _held or len(_held) < _MOST_GROUPS):
        _held[pid] = files
        return
    _held.pop(pid, None)
    files.close()
    if len(_held) >= _MOST_GROUPS:
        for other in [other for other in _held if _identity(other) != _held[other].identity]:
            _held.pop(other).close()


def _identity(pid: int) -> tuple[int, bytes] | None:
    """When the process was started, and the groups that it is in."""
    if procfs.ROOT != "/proc":
        return None
    try:
        return procfs.stat(pid).start_ticks, procfs.read(procfs.path(pid, "cgroup"), 1 << 16)
    except (OSError, ValueError, IndexError):
        return None
