"""Volumes and other mounts, put together from the spec and from what each container's agent saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.places import Place, claims, declared_at, topmost
from podprobe.analysis.walks import walked
from podprobe.analysis.words import listed
from podprobe.model import Filesystem, Mount, Usage, Visibility

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.agents.answers import MountItem, WalkItem
    from podprobe.analysis.answered import Answered
    from podprobe.analysis.held import Held
    from podprobe.analysis.walks import Spot
    from podprobe.model import Volume, VolumeMount

KERNEL_FILESYSTEMS = frozenset(
    {
        "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs",
        "securityfs", "sysfs", "tracefs",
    }
)  # fmt: skip
"""Filesystems that hold no files of anyone's: they are mounts, but never full."""

_NAMED = 5


def filesystem(item: MountItem) -> Filesystem | None:
    """What statvfs said of a mount; `None` where it did not answer."""
    if item.bytes is None or item.used_bytes is None:
        return None
    return Filesystem(
        bytes=item.bytes,
        used_bytes=item.used_bytes,
        available_bytes=item.available_bytes or 0,
        inodes=item.inodes or 0,
        used_inodes=item.used_inodes or 0,
    )


def volumes(declared: Sequence[Volume], answers: Sequence[Answered], held: Held) -> tuple[Volume, ...]:
    """The declared volumes with what was measured of them, and what processes hold in them."""
    tables = {answer.container: topmost(answer) for answer in answers if answer.container is not None}
    walks: dict[Spot, WalkItem] = {
        (answer.container, item.path): item for answer in answers for item in answer.areas.items["walks"]
    }
    result = []
    for volume in declared:
        shown = [
            (mount, item)
            for mount in volume.mounts
            if (item := declared_at(tables.get(mount.container, {}), mount.path)) is not None
        ]
        measured = next((item for _, item in shown if item.bytes is not None), None)
        numbers = filesystem(measured) if measured else None
        result.append(
            msgspec.structs.replace(
                volume,
                filesystem_type=measured.filesystem_type if measured else None,
                filesystem=numbers,
                usage=_usage(
                    volume, numbers, measured, walks, {(m.container, m.path): item for m, item in shown}
                ),
                mounts=tuple(_with_what_is_seen(mount, tables) for mount in volume.mounts),
                deleted_files=held.deleted_files(Place(volume=volume.name)),
                locks=held.locks(Place(volume=volume.name)),
            )
        )
    return tuple(result)


def _usage(
    volume: Volume,
    numbers: Filesystem | None,
    measured: MountItem | None,
    walks: Mapping[Spot, WalkItem],
    shown: Mapping[Spot, MountItem],
) -> Usage | None:
    # A memory volume is a filesystem of its own, whatever directory of it is mounted. Another may be on a tmpfs of the
    # node's, and is its own only where that is mounted as a whole.
    own = measured is not None and (volume.medium == "Memory" or measured.root == "/")
    if numbers is not None and own and measured is not None and measured.filesystem_type == "tmpfs":
        # Its root directory is not counted as an inode in use by anyone.
        return Usage(bytes=numbers.used_bytes, inodes=numbers.used_inodes, method="statvfs", complete=True)
    return walked(volume, walks, shown)


def _with_what_is_seen(mount: VolumeMount, tables: Mapping[str, Mapping[str, MountItem]]) -> VolumeMount:
    if mount.container not in tables:
        return msgspec.structs.replace(mount, seen=None)
    item = declared_at(tables[mount.container], mount.path)
    if item is None:
        return msgspec.structs.replace(mount, seen=False)
    return msgspec.structs.replace(mount, seen=True, options=item.options, mounted_read_only=item.read_only)


def mounts(declared: Sequence[Volume], answers: Sequence[Answered], held: Held) -> tuple[Mount, ...]:
    """Every mount of every container that is no volume of the Pod, with what processes hold on it."""
    claimed = claims(declared)
    result = []
    for answer in answers:
        if answer.container is None:
            continue
        for path, item in topmost(answer).items():
            if (answer.container, path) in claimed or item.filesystem_type in KERNEL_FILESYSTEMS:
                continue
            result.append(
                Mount(
                    container=answer.container,
                    path=path,
                    filesystem_type=item.filesystem_type,
                    source=item.source,
                    options=item.options,
                    read_only=item.read_only,
                    device=item.device,
                    filesystem=filesystem(item),
                    deleted_files=held.deleted_files(Place(container=answer.container, path=path)),
                    locks=held.locks(Place(container=answer.container, path=path)),
                )
            )
    return tuple(sorted(result, key=lambda m: (m.container, m.path)))


def unmeasured(answers: Sequence[Answered]) -> list[Visibility]:
    """Of which mounts nobody knows how full they are, and why."""
    refused: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        for path, item in topmost(answer).items() if answer.container is not None else ():
            if (
                item.error is not None
                and item.bytes is None
                and item.filesystem_type not in KERNEL_FILESYSTEMS
            ):
                refused.setdefault((answer.container or "", item.error), []).append(path)
    return [
        Visibility(
            area="mounts",
            container=container,
            level="partial",
            reason=f"no bytes and inodes of {listed(_few(paths))}: {error}",
        )
        for (container, error), paths in refused.items()
    ]


def _few(paths: Sequence[str]) -> list[str]:
    more = len(paths) - _NAMED
    return [*paths[:_NAMED], *([f"{more} more"] if more > 0 else [])]
