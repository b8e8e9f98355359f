"""Paths as a container has them, opened from outside it without being led astray.

/proc/PID/root is a door into a container's file tree, but only for the path it stands in: a link met behind it
that begins with `/` would be followed in the agent's own tree. So each path is walked component by component,
every step from the descriptor of the one before, every link read and followed by hand within the container's
root. Nothing is opened but for its place (`O_PATH`), so a FIFO does not block and a device does not act.
"""

from __future__ import annotations

import errno
import os
import stat

from podprobe_agent import procfs

_MOST_LINKS = 40  # as the kernel
_PATH_ONLY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def open_path(pid: int, path: bytes) -> int:
    """A descriptor (`O_PATH`) of what a process finds at an absolute path.

    Raises:
        OSError: as the kernel would for that process; `ELOOP` for too many links; `PermissionError` where the
            process's root is closed to the agent.
    """
    root = os.open(procfs.path(pid, "root"), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return resolve(root, path)


def resolve(root: int, path: bytes) -> int:
    """A descriptor (`O_PATH`) of a path, with `root` for its `/`. Takes over `root`."""
    # The descriptors from the root down to where we are: `..` goes back along it, never above it.
    trail = [root]
    todo = path.split(b"/")[::-1]
    links = 0
    try:
        while todo:
            name = todo.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                if len(trail) > 1:
                    os.close(trail.pop())
                continue
            step = os.open(name, _PATH_ONLY, dir_fd=trail[-1])
            if not stat.S_ISLNK(os.fstat(step).st_mode):
                trail.append(step)
                continue
            links += 1
            try:
                target = os.readlink(b"", dir_fd=step)
            finally:
                os.close(step)
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith(b"/"):
                while len(trail) > 1:
                    os.close(trail.pop())
            todo += target.split(b"/")[::-1]
        return trail.pop()
    finally:
        for fd in trail:
            os.close(fd)


def read_file(pid: int, path: bytes, limit: int) -> bytes:
    """The first `limit` bytes of a regular file, as a process finds it at an absolute path.

    Raises:
        OSError: as of `open_path`; `EINVAL` where it is no regular file.
    """
    place = open_path(pid, path)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return procfs.read(f"/proc/self/fd/{place}", limit)
    finally:
        os.close(place)


def reopen_directory(place: int) -> int:
    """A descriptor that can be listed, of a directory opened for its place; access times are kept where allowed.

    Raises:
        OSError: it may not be read, or is no directory.
    """
    return open_directory(b".", place)


def open_directory(name: bytes, parent: int) -> int:
    """Open a directory to list it, never anything else and never through a link.

    Raises:
        OSError: it may not be read, or is no directory.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=parent)
    except PermissionError:  # keeping the access time is the owner's privilege
        return os.open(name, flags, dir_fd=parent)


def mount_id(fd: int) -> int:
    """Id of the mount that a descriptor is on (`mnt_id` of /proc/self/fdinfo); -1 where the kernel tells none."""
    for line in procfs.read(f"/proc/self/fdinfo/{fd}", 4096).split(b"\n"):
        if line.startswith(b"mnt_id:"):
            return int(line[7:])
    return -1
