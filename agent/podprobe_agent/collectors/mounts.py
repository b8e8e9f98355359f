"""Area `mounts`: every mount of the container, with the bytes and inodes of its filesystem."""

from __future__ import annotations

import os
import time

from podprobe_agent import inroot, mountinfo, patience, procfs
from podprobe_agent.collectors import _door, _shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context
    from podprobe_agent.mountinfo import Mount

_MOST_MOUNTS = 20_000
_PATIENCE_SECONDS = 1.0


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.MountItem`s of the container's first process, in the order in which they were mounted."""
    try:
        mounts = _shared.mounts(context, context.root_pid)
    except OSError as error:
        context.note("none", f"cannot read /proc/{context.root_pid}/mountinfo: {error.strerror}")
        return
    statistics = _Statistics(context, mounts)
    for count, mount in enumerate(mounts):
        if count >= _MOST_MOUNTS or context.expired:
            context.note("partial", f"{len(mounts) - count} of {len(mounts)} mounts were not looked at")
            return
        yield {
            "id": mount.id,
            "parent": mount.parent,
            "device": mount.device,
            "root": procfs.text(mount.root),
            "path": procfs.text(mount.path),
            "filesystem_type": mount.kind,
            "source": procfs.text(mount.source),
            "options": procfs.text(mount.options),
            "super_options": procfs.text(mount.super_options),
            "read_only": mount.read_only,
            **statistics.of(mount),
        }


class _Statistics:
    """statvfs of mounts, each filesystem asked once."""

    def __init__(self, context: Context, mounts: list[Mount]) -> None:
        self._context = context
        # On the way to a mount below one of these, the kernel may ask it for a name.
        self._remote = tuple(
            mount.path.rstrip(b"/") + b"/"
            for mount in mounts
            if mount.kind not in mountinfo.LOCAL and mount.kind not in mountinfo.PSEUDO
        )
        self._known: dict[str, dict[str, Any]] = {}
        self._own_mounts: dict[str, Mount] | None = None

    def of(self, mount: Mount) -> dict[str, Any]:
        if mount.kind in mountinfo.PSEUDO:
            return {}
        # A device is one filesystem; some (btrfs subvolumes with quota, FUSE) may answer by directory.
        key = mount.device if mount.kind in mountinfo.LOCAL else f"{mount.device} {mount.id}"
        known = self._known.get(key)
        if known is None:
            known = self._ask(mount)
            if "error" not in known:
                self._known[key] = known
        return known

    def _ask(self, mount: Mount) -> dict[str, Any]:
        door = _door.find(self._context)

        def ask() -> os.statvfs_result:
            return _statvfs(door, mount)

        try:
            if not (mount.path + b"/").startswith(self._remote):
                result = ask()
            else:
                left = self._context.deadline - time.monotonic()
                result = patience.call(ask, min(_PATIENCE_SECONDS, left))
        except PermissionError as error:
            same = self._through_own(mount)
            if same is None:
                return {"error": error.strerror or str(error)}
            result = same
        except OSError as error:
            return {"error": error.strerror or str(error)}
        size = result.f_frsize or result.f_bsize
        return {
            "bytes": result.f_blocks * size,
            "used_bytes": (result.f_blocks - result.f_bfree) * size,
            "available_bytes": result.f_bavail * size,
            "inodes": result.f_files,
            "used_inodes": result.f_files - result.f_ffree,
        }

    def _through_own(self, mount: Mount) -> os.statvfs_result | None:
        """Where the container's root is closed: the same filesystem as the agent's own container has it."""
        if mount.kind not in mountinfo.LOCAL:
            return None
        if self._own_mounts is None:
            self._own_mounts = {own.device: own for own in _shared.mounts(self._context, "self")}
        own = self._own_mounts.get(mount.device)
        if own is None:
            return None
        try:
            result = os.statvfs(own.path)
            return result if procfs.device(os.stat(own.path).st_dev) == mount.device else None
        except OSError:
            return None


def _statvfs(pid: int, mount: Mount) -> os.statvfs_result:
    """Ask the mount itself, not what a process put in its place, nor another mount on top of it."""
    try:
        place = inroot.open_path(pid, mount.path)
    except (FileNotFoundError, NotADirectoryError):
        # Its mount point cannot have been removed: something is mounted over a directory on the way.
        raise OSError(0, "another mount, over a directory on the way to it, hides it") from None
    try:
        there = inroot.mount_id(place)
        if there not in (-1, mount.id):
            raise OSError(0, f"another mount (id {there}) hides it")
        return os.fstatvfs(place)
    finally:
        os.close(place)
