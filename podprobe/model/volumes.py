"""Volumes, other mounts, deleted files and locks."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Filesystem, Model, ProcessRef, Usage


class VolumeMount(Model, frozen=True, kw_only=True):
    """Where a container has a volume."""

    container: str
    path: str
    read_only: bool = False
    """As declared."""
    sub_path: str | None = None
    seen: bool | None = None
    """The container's mount table shows it; `None` where that could not be read."""
    options: str | None = None
    """Those of the mount, as the kernel has them (`rw,noexec,relatime`); `None` where it was not seen."""
    mounted_read_only: bool | None = None
    """The mount, or its filesystem, takes no writes; `None` where it was not seen."""


class DeletedFile(Model, frozen=True, kw_only=True):
    """A deleted file that is still open, and so still takes room. One of /dev/shm is shared memory, and in `ipc`."""

    container: str
    process: ProcessRef
    path: str
    bytes: int
    inode: int | None = None


class LockHolder(Model, frozen=True, kw_only=True):
    """A process that holds a file lock or waits for one."""

    container: str | None
    pid: int | None
    process: str | None = None
    access: Literal["read", "write"]


class FileLock(Model, frozen=True, kw_only=True):
    """A file lock with those who wait for it (`/proc/locks`)."""

    kind: Literal["flock", "posix", "ofd", "lease"]
    inode: int
    path: str | None = None
    holder: LockHolder
    waiters: tuple[LockHolder, ...] = ()


class Volume(Model, frozen=True, kw_only=True):
    """A volume of the Pod."""

    name: str
    type: str
    """`emptyDir`, `configMap`, `persistentVolumeClaim`, …"""
    medium: str | None = None
    """Of an emptyDir: `Memory`, `HugePages`, or `None` for the node's disk."""
    size_limit_bytes: int | None = None
    source: str | None = None
    """Claim, ConfigMap, Secret or host path by name."""
    filesystem_type: str | None = None
    filesystem: Filesystem | None = None
    """For a disk emptyDir this is the node's filesystem."""
    usage: Usage | None = None
    """The volume's own."""
    mounts: tuple[VolumeMount, ...] = ()
    deleted_files: tuple[DeletedFile, ...] = ()
    locks: tuple[FileLock, ...] = ()


class Mount(Model, frozen=True, kw_only=True):
    """A mount of a container that is no volume of the Pod."""

    container: str
    path: str
    filesystem_type: str
    source: str
    options: str
    read_only: bool
    device: str
    """`major:minor`."""
    filesystem: Filesystem | None = None
    deleted_files: tuple[DeletedFile, ...] = ()
    """Of the mount at `/`: those of the container's own, writable layer."""
    locks: tuple[FileLock, ...] = ()
