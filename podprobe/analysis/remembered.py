"""What only several looks tell together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from podprobe.model import Snapshot


def with_remembered(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """The snapshot with the users of each semaphore set that earlier looks knew.

    The kernel keeps only the last process that operated on a semaphore; two containers that take turns show one at a
    time.
    """
    if before is None or not snapshot.ipc.semaphores:
        return snapshot
    known = {(each.id, each.key): each.containers for each in before.ipc.semaphores}
    names = {container.name for container in snapshot.containers}
    semaphores = tuple(
        replace(
            each, containers=tuple(sorted({*each.containers, *known.get((each.id, each.key), ())} & names))
        )
        for each in snapshot.ipc.semaphores
    )
    return replace(snapshot, ipc=replace(snapshot.ipc, semaphores=semaphores))
