"""Which directories are walked to learn what an emptyDir holds, and what the walks add up to."""

from __future__ import annotations

from posixpath import normpath
from typing import TYPE_CHECKING

from podprobe.model import Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from podprobe.agents.answers import MountItem, WalkItem
    from podprobe.model import Volume, VolumeMount

Spot = tuple[str | None, str]
"""A container and a path in it."""


def walk_plan(
    volumes: Sequence[Volume], containers: frozenset[str], refused: Collection[Spot] = frozenset()
) -> dict[str, list[str]]:
    """Which directories each container's agent is to walk, so that every volume on disk is walked once.

    A container that mounts the whole volume is preferred to those that have only a sub path of it; where there is
    none, each sub path is walked once.

    Args:
        volumes: as declared.
        containers: those with an agent.
        refused: where a walk met what it may not read: another container's agent, of another user, is to be tried.
    """
    plan: dict[str, list[str]] = {}
    for volume in volumes:
        if volume.type != "emptyDir" or volume.medium == "Memory":
            continue
        for alternatives in _parts([mount for mount in volume.mounts if mount.container in containers]):
            open_ones = [mount for mount in alternatives if (mount.container, mount.path) not in refused]
            chosen = (open_ones or alternatives)[0]
            plan.setdefault(chosen.container, []).append(chosen.path)
    return plan


def walked(volume: Volume, walks: Mapping[Spot, WalkItem], mounts: Mapping[Spot, MountItem]) -> Usage | None:
    """What the walks found of a volume; `None` where there was none.

    Args:
        volume: as declared.
        walks: by container and path.
        mounts: where the kernel shows the volume, likewise: two sub paths may be one directory after all.
    """
    whole = _best([mount for mount in volume.mounts if mount.sub_path is None], walks)
    best = (
        [whole] if whole else list(filter(None, (_best(part, walks) for part in _sub_paths(volume.mounts))))
    )
    counted = [walks[spot] for spot in best if not _within_another(spot, best, mounts)]
    if not counted:
        return None
    reasons = [walk.reason or "not complete" for walk in counted if not walk.complete]
    if whole is None:
        reasons.insert(0, "mounted by subPath only: what lies beside is not seen")
    return Usage(
        bytes=sum(walk.bytes for walk in counted),
        inodes=sum(walk.inodes for walk in counted),
        method="walk",
        complete=not reasons,
        reason="; ".join(dict.fromkeys(reasons)) or None,
    )


def _parts(mounts: Sequence[VolumeMount]) -> list[list[VolumeMount]]:
    """What of a volume has to be walked: for each part, the mounts that show it, any one of which will do."""
    whole = [mount for mount in mounts if mount.sub_path is None]
    return [whole] if whole else _sub_paths(mounts)


def _sub_paths(mounts: Sequence[VolumeMount]) -> list[list[VolumeMount]]:
    """By sub path, those within another left out."""
    parts: dict[str, list[VolumeMount]] = {}
    for mount in mounts:
        if mount.sub_path is not None:
            parts.setdefault(_name(mount, mount.sub_path), []).append(mount)
    return [part for name, part in parts.items() if not any(name.startswith(f"{other}/") for other in parts)]


def _name(mount: VolumeMount, sub_path: str) -> str:
    # An expression may say something else in every container.
    return normpath(sub_path) if "$(" not in sub_path else f"{mount.container}:{sub_path}"


def _best(mounts: Sequence[VolumeMount], walks: Mapping[Spot, WalkItem]) -> Spot | None:
    """The walk that saw most: each is true, and a lower bound where it is not complete."""
    spots = [spot for mount in mounts if (spot := (mount.container, mount.path)) in walks]
    return max(spots, key=lambda spot: (walks[spot].complete, walks[spot].bytes), default=None)


def _within_another(spot: Spot, spots: Sequence[Spot], mounts: Mapping[Spot, MountItem]) -> bool:
    mine = mounts.get(spot)
    if mine is None:
        return False
    for place, other in enumerate(spots):
        theirs = mounts.get(other)
        if other == spot or theirs is None or theirs.device != mine.device:
            continue
        if mine.root.startswith(theirs.root.rstrip("/") + "/"):
            return True
        if mine.root == theirs.root and place < spots.index(spot):
            return True
    return False
