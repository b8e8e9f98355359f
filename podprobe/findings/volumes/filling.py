"""Filesystems that run out of bytes or inodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis import bounds
from podprobe.analysis.words import listed, percent, share, size
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Filesystem, Snapshot

_FULL_BY_NATURE = frozenset({"squashfs", "iso9660", "erofs", "cramfs", "udf"})
_NO_STORAGE = frozenset(
    {
        "proc",
        "sysfs",
        "cgroup",
        "cgroup2",
        "devpts",
        "mqueue",
        "devtmpfs",
        "securityfs",
        "bpf",
        "tracefs",
        "debugfs",
    }
)


@dataclass(frozen=True)
class _Place:
    """A filesystem, and where in the Pod it is."""

    name: str
    where: str
    filesystem: Filesystem
    filesystem_type: str | None
    pointer: str
    containers: tuple[str, ...]
    node: bool = False
    """It is the node's disk, which the Pod shares with others."""


def _places(snapshot: Snapshot) -> Iterator[_Place]:
    """Every filesystem that the Pod writes to, once."""
    seen: set[tuple[int, int, int]] = set()
    for place in _volumes(snapshot):
        if _once(seen, place.filesystem):
            yield place
    for index, mount in enumerate(snapshot.mounts):
        # /dev/shm has a rule of its own (IPC102).
        unfit = mount.filesystem_type in _FULL_BY_NATURE | _NO_STORAGE or mount.path.startswith(
            ("/dev", "/proc", "/sys")
        )
        if mount.filesystem is None or mount.read_only or unfit or not _once(seen, mount.filesystem):
            continue
        node = mount.filesystem_type == "overlay" or mount.path.startswith("/etc/")
        yield _Place(
            name=f"{mount.container} {mount.path}",
            where=f"{mount.path} of {mount.container}",
            filesystem=mount.filesystem,
            filesystem_type=mount.filesystem_type,
            pointer=f"/mounts/{index}",
            containers=(mount.container,),
            node=node,
        )


def _volumes(snapshot: Snapshot) -> Iterator[_Place]:
    for index, volume in enumerate(snapshot.volumes):
        writable = any(not mount.read_only for mount in volume.mounts) or not volume.mounts
        if volume.filesystem is None or not writable or volume.filesystem_type in _FULL_BY_NATURE:
            continue
        if volume.type in {"configMap", "secret", "projected", "downwardAPI"}:
            continue
        containers = tuple(dict.fromkeys(mount.container for mount in volume.mounts))
        at = listed(f"{mount.path} in {mount.container}" for mount in volume.mounts[:4])
        yield _Place(
            name=f"volume {volume.name}",
            where=f"volume {volume.name} ({at})" if volume.mounts else f"volume {volume.name}",
            filesystem=volume.filesystem,
            filesystem_type=volume.filesystem_type,
            pointer=f"/volumes/{index}",
            containers=containers,
            node=volume.type == "emptyDir" and volume.medium is None and volume.filesystem_type != "tmpfs",
        )


def _once(seen: set[tuple[int, int, int]], filesystem: Filesystem) -> bool:
    """The same filesystem under several names shows the same size, inodes and use."""
    key = (filesystem.bytes, filesystem.inodes, filesystem.used_inodes)
    if key in seen:
        return False
    seen.add(key)
    return True


@rule(
    "VOL101",
    "critical",
    "warning",
    title="A filesystem is nearly full",
    when="{warning_ratio:percent} or more of the bytes that an unprivileged process may use are used "
    "(warning), or {critical_ratio:percent} (critical).",
    measured="statvfs() through /proc/PID/root of each container, of every volume and mount that it may write "
    "to; used over used plus available, as df shows it. A memory emptyDir with a sizeLimit is left to "
    "VOL103, /dev/shm to IPC102.",
    why="Writes fail with ENOSPC, in every container that has the filesystem. The node's own disk at 85 % "
    "and more makes the kubelet evict Pods (`nodefs.available`, 10 % by default).",
    remedy="Delete what is not needed or enlarge the volume. For the node's disk: find the Pod that fills it.",
    thresholds={
        "warning_ratio": bounds.threshold("VOL101.warning_ratio", Threshold),
        "critical_ratio": bounds.threshold("VOL101.critical_ratio", Threshold),
    },
    of_channels=True,
)
def bytes_full(look: Look) -> Iterator[Hit]:
    """Few bytes are left."""
    capped = {
        f"/volumes/{index}"
        for index, volume in enumerate(look.snapshot.volumes)
        if volume.medium == "Memory" and volume.size_limit_bytes
    }
    for place in _places(look.snapshot):
        each = place.filesystem
        filled = share(each.used_bytes, each.used_bytes + each.available_bytes)
        if place.pointer in capped or filled is None or filled < look["warning_ratio"]:
            continue
        yield Hit(
            subject=place.name,
            severity="critical" if filled >= look["critical_ratio"] else "warning",
            evidence=[
                (
                    f"{size(each.used_bytes)} of {size(each.used_bytes + each.available_bytes)} "
                    f"({percent(filled)}) of {place.where} are "
                    f"used.{' It is the disk of the node.' if place.node else ''}"
                )
            ],
            remedy=_remedy(place, "room"),
            pointers=[place.pointer],
            containers=place.containers,
        )


@rule(
    "VOL102",
    "critical",
    "warning",
    title="A filesystem is running out of inodes",
    when="{warning_ratio:percent} or more of a filesystem's inodes are used (warning), or "
    "{critical_ratio:percent} (critical).",
    measured="statvfs() through /proc/PID/root of each container; filesystems that make inodes as needed "
    "(btrfs, XFS mostly) tell 0 and are left out.",
    why="Every file takes an inode, however small. With none left, creating a file fails with ENOSPC "
    "though `df` shows room: the error says that the disk is full and it is not.",
    remedy="Delete small files that pile up (sessions, caches, spool), or make the filesystem with more "
    "inodes; `df -i` shows it.",
    thresholds={
        "warning_ratio": bounds.threshold("VOL102.warning_ratio", Threshold),
        "critical_ratio": bounds.threshold("VOL102.critical_ratio", Threshold),
    },
    of_channels=True,
)
def inodes_full(look: Look) -> Iterator[Hit]:
    """Few inodes are left."""
    for place in _places(look.snapshot):
        each = place.filesystem
        filled = share(each.used_inodes, each.inodes)
        if filled is None or filled < look["warning_ratio"]:
            continue
        used = share(each.used_bytes, each.bytes)
        room = f", while only {percent(used)} of its bytes are" if used is not None and used < filled else ""
        yield Hit(
            subject=place.name,
            severity="critical" if filled >= look["critical_ratio"] else "warning",
            evidence=[
                (
                    f"{each.used_inodes:,} of {each.inodes:,} inodes ({percent(filled)}) of {place.where} "
                    f"are used{room}."
                )
            ],
            remedy=_remedy(place, "inodes"),
            pointers=[place.pointer],
            containers=place.containers,
        )


def _remedy(place: _Place, what: str) -> str:
    if place.node:
        return (
            f"Find what fills the node's disk; move what {listed(place.containers) or 'the Pod'} "
            "writes there to a volume of its own."
        )
    if what == "inodes":
        return (
            f"Find the directory with most files (`du --inodes -x -d 2`, in {place.where}) and let the "
            "program clear it away."
        )
    if place.filesystem_type == "tmpfs":
        return f"Delete what is not needed from {place.where}, or give the volume a larger `sizeLimit`."
    return f"Delete what is not needed from {place.where}, or enlarge it."
