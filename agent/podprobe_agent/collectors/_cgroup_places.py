"""Where a process's control groups can be opened: the directory of each hierarchy, as the container has it mounted.

A container's own /sys/fs/cgroup shows its group: with a cgroup namespace as the root of what is mounted there,
without one as a bind mount of the group's directory. Both read the same in mountinfo: the mount's `root` is a
directory of the hierarchy, and the first process's group lies at it or below. Below it lie the groups that the
container made itself (systemd, a container runtime in it): limits and counts are its own group's, where the mount
begins. Only a mount that shows the agent's own group too is no container's own, but the host's tree.
"""

from __future__ import annotations

import os

from podprobe_agent import inroot, mountinfo, procfs
from podprobe_agent.collectors import _door, _shared
from podprobe_agent.collectors._cgroup_files import Found
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context


class _Place(NamedTuple):
    """Where a hierarchy's directory of the group can be opened."""

    pid: int
    """Through whose root."""
    path: bytes
    process: bytes
    """The first process's own group: the same, or one below it."""


def find(context: Context) -> Found:
    """Open the group's directory in each hierarchy that can be reached, through the container or through the agent.

    Raises:
        OSError: none can.
    """
    directories: dict[str, int] = {}
    identity = None
    refused: OSError | None = None
    for controller, candidates in _places(context).items():
        for place in candidates:
            try:
                directory = inroot.open_path(place.pid, place.path)
            except OSError as error:
                refused = error
                continue
            if controller and _is_root(directory):
                os.close(directory)
                refused = FileNotFoundError(0, "it has none of its own")
                continue
            directories[controller] = directory
            if not controller:
                identity = _inode(place)
            break
    if not directories:
        raise refused or FileNotFoundError(0, "no cgroup filesystem is mounted there")
    return Found(directories, identity)


def _inode(place: _Place) -> int | None:
    """Of the first process's own group: its sockets carry this one's, not that of the group above."""
    try:
        directory = inroot.open_path(place.pid, place.process)
    except OSError:
        return None
    try:
        return os.fstat(directory).st_ino
    finally:
        os.close(directory)


def _places(context: Context) -> dict[str, list[_Place]]:
    """By controller (empty: v2), where the group's directory can be: through the container, then through the agent."""
    lines = procfs.cgroup_lines(context.root_pid)
    paths = {name: path for controllers, path in lines for name in controllers.split(",")}
    own = _own_groups()
    places: dict[str, list[_Place]] = {}
    for through in (_door.find(context), os.getpid()):
        try:
            mounts = _shared.mounts(context, through)
        except OSError:
            continue
        for mount in mounts:
            if mount.kind == "cgroup2":
                names = [""]
            elif mount.kind == "cgroup":
                names = [name for name in procfs.text(mount.super_options).split(",") if name in paths]
            else:
                continue
            for name in names:
                where = _below(mount, paths.get(name))
                if where is not None:
                    path = where if _holds(mount.root, own.get(name, b"/")) else mount.path
                    places.setdefault(name, []).append(_Place(through, path, where))
    return places


def _own_groups() -> dict[str, bytes]:
    """The agent's own groups by controller."""
    try:
        lines = procfs.cgroup_lines("self")
    except OSError:
        return {}
    return {name: path for controllers, path in lines for name in controllers.split(",")}


def _holds(root: bytes, group: bytes) -> bool:
    """A directory of a hierarchy is a group's own or lies above it; both as one cgroup namespace has them.

    `/..` is what lies above the namespace: `/../c1` is beside it, `/../..` holds it.
    """
    above, below = ([part for part in path.split(b"/") if part] for path in (root, group))
    names = [part for part in above if part != b".."]
    if not names:
        return above.count(b"..") >= below.count(b"..")
    return below[: len(above)] == above


def _below(mount: mountinfo.Mount, group: bytes | None) -> bytes | None:
    """The group's directory within a mount of its hierarchy; `None` where the mount does not reach it."""
    if group is None:
        return None
    relative = os.path.relpath(group, mount.root)
    if relative == b"." or mount.root == group:
        return mount.path
    return None if relative.startswith(b"..") else os.path.join(mount.path, relative)


def _is_root(directory: int) -> bool:
    """The root of a v1 hierarchy: this controller keeps no account of the container, but of the whole machine."""
    try:
        # The kernel has this file in roots only (CFTYPE_ONLY_ON_ROOT).
        os.stat("release_agent", dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return True
