"""emptyDirs and their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds
from podprobe.analysis.words import listed, percent, share, size
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Volume


@rule(
    "VOL103",
    "critical",
    "warning",
    title="An emptyDir is near its sizeLimit",
    when="An emptyDir holds {warning_ratio:percent} or more of its sizeLimit (warning), or "
    "{critical_ratio:percent} (critical).",
    measured="A walk over the volume (st_blocks of every inode, bounded in time; a walk that was cut short "
    "gives a lower bound), or statvfs() where it is a tmpfs of its own.",
    why="A disk emptyDir over its limit gets the whole Pod evicted by the kubelet. A memory emptyDir "
    "cannot grow past it: writes fail with ENOSPC.",
    remedy="Delete what is not needed, or raise `sizeLimit`.",
    thresholds={
        "warning_ratio": bounds.threshold("VOL103.warning_ratio", Threshold),
        "critical_ratio": bounds.threshold("VOL103.critical_ratio", Threshold),
    },
    of_channels=True,
)
def near_size_limit(look: Look) -> Iterator[Hit]:
    """Close to eviction."""
    for index, volume in enumerate(look.snapshot.volumes):
        used = used_bytes(volume)
        filled = share(used, volume.size_limit_bytes)
        if volume.type != "emptyDir" or used is None or filled is None or filled < look["warning_ratio"]:
            continue
        fate = "writes then fail with ENOSPC" if volume.medium else "the kubelet then evicts the Pod"
        yield Hit(
            subject=f"volume {volume.name}",
            severity="critical" if filled >= look["critical_ratio"] else "warning",
            evidence=[
                (
                    f"Volume {volume.name} holds {_least(volume)}{size(used)} of its sizeLimit of "
                    f"{size(volume.size_limit_bytes or 0)} ({percent(filled)}); {fate}."
                )
            ],
            remedy=f"Let {_writers(volume)} delete what it no longer needs, or raise "
            f"`spec.volumes[{volume.name}].emptyDir.sizeLimit`.",
            pointers=[f"/volumes/{index}"],
            containers=[mount.container for mount in volume.mounts],
        )


def used_bytes(volume: Volume) -> int | None:
    """What the volume itself holds; `None` where that is unknown."""
    if volume.usage is not None:
        return volume.usage.bytes
    if volume.medium == "Memory" and volume.filesystem is not None:
        return volume.filesystem.used_bytes
    return None


def _least(volume: Volume) -> str:
    return "" if volume.usage is None or volume.usage.complete else "at least "


def _writers(volume: Volume) -> str:
    return (
        listed(dict.fromkeys(each.container for each in volume.mounts if not each.read_only)) or "its writer"
    )


@rule(
    "VOL104",
    "info",
    title="An emptyDir has no sizeLimit",
    when="An emptyDir without `sizeLimit`.",
    measured="The Pod's spec.",
    why="It may grow until the node's disk is full (on disk) or the containers' memory limits are reached "
    "(in memory), and takes other Pods of the node down with it.",
    remedy="Set `sizeLimit` to what the volume may need at most.",
    manifest=True,
)
def no_size_limit(look: Look) -> Iterator[Hit]:
    """Nothing bounds the volume."""
    for index, volume in enumerate(look.snapshot.volumes):
        if volume.type != "emptyDir" or volume.size_limit_bytes:
            continue
        used = used_bytes(volume)
        now = "" if used is None else f" It holds {_least(volume)}{size(used)} now."
        yield Hit(
            subject=f"volume {volume.name}",
            evidence=[
                (
                    f"Volume {volume.name} is an emptyDir{' in memory' if volume.medium else ''} without "
                    f"sizeLimit.{now}"
                )
            ],
            remedy=f"Set `spec.volumes[{volume.name}].emptyDir.sizeLimit`, for example to "
            f"{size(max(2 * (used or 0), 64 * 2**20)).replace(' ', '').removesuffix('B')}.",
            pointers=[f"/volumes/{index}"],
            containers=[mount.container for mount in volume.mounts],
        )


@rule(
    "VOL105",
    "info",
    title="A volume is made of memory",
    when="An emptyDir with `medium: Memory`.",
    measured="The Pod's spec; statvfs() of the volume for its use, `shmem` of the container's memory.stat for "
    "who is charged.",
    why="Its pages count against the memory limit of the container that wrote them: filling it can get "
    "that container killed for memory, and a restart does not empty it.",
    remedy="Nothing, if the memory limits have room for it. Otherwise use a disk emptyDir, or raise the "
    "limits by the sizeLimit.",
    manifest=True,
)
def memory_volume(look: Look) -> Iterator[Hit]:
    """Memory under the name of a volume."""
    for index, volume in enumerate(look.snapshot.volumes):
        if volume.type != "emptyDir" or volume.medium != "Memory":
            continue
        used = used_bytes(volume)
        evidence = []
        if used is not None:
            evidence.append(f"Volume {volume.name} holds {size(used)} of memory.")
        names = {mount.container for mount in volume.mounts}
        pointers = [f"/volumes/{index}"]
        for place, container in enumerate(look.snapshot.containers):
            limit = container.resources.memory_limit_bytes
            if container.name in names and limit:
                of = share(used, limit)
                part = f", {percent(of)} of it in this volume at most" if of is not None else ""
                evidence.append(f"{container.name} may use {size(limit)} of memory{part}.")
                pointers.append(f"/containers/{place}/resources")
        yield Hit(
            subject=f"volume {volume.name}",
            evidence=evidence or [f"Volume {volume.name} is an emptyDir with `medium: Memory`."],
            remedy=f"See that the memory limits of {listed(sorted(names)) or 'the containers'} leave room for "
            f"{size(volume.size_limit_bytes) if volume.size_limit_bytes else 'what it may hold'}; "
            f"otherwise remove `medium: Memory` from volume {volume.name}.",
            pointers=pointers,
            containers=sorted(names),
        )


UNDECLARED = "undeclared"
"""The `type` of a volume that a manifest mounts and does not have."""


@rule(
    "VOL108",
    "critical",
    title="A mount names a volume that is not there",
    when="A container mounts a volume that the Pod does not declare.",
    measured="`volumeMounts` and `volumes` of a manifest. The API server refuses such a Pod, so only `podprobe "
    "lint` meets it.",
    why="The Pod is refused; of a Deployment only its events say so, while it stays without Pods.",
    remedy="Declare the volume, or correct the name.",
    manifest=True,
)
def unknown_volume(look: Look) -> Iterator[Hit]:
    """A mount of nothing."""
    names = sorted(volume.name for volume in look.snapshot.volumes if volume.type != UNDECLARED)
    for index, volume in enumerate(look.snapshot.volumes):
        if volume.type != UNDECLARED:
            continue
        containers = list(dict.fromkeys(mount.container for mount in volume.mounts))
        yield Hit(
            subject=f"volume {volume.name}",
            evidence=[
                (
                    f"{listed(containers)} mounts volume {volume.name}; the Pod declares "
                    f"{listed(names) or 'none'}."
                )
            ],
            remedy=f"Add volume {volume.name} to `spec.volumes`, or correct the name under `volumeMounts`.",
            pointers=[f"/volumes/{index}"],
            containers=containers,
        )
