"""Files that are deleted and stay, and locks that are waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.held import holdings
from podprobe.analysis.words import count, listed, size
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import DeletedFile


@rule(
    "VOL106",
    "warning",
    title="A deleted file still takes room",
    when="One process holds {bytes:size} or more of deleted files open, of one volume or of its container's own "
    "filesystem.",
    measured="Open files whose link in /proc/PID/fd ends in `(deleted)`, with st_blocks of each (stat through "
    "the descriptor).",
    why="A file that is deleted while open goes when the last descriptor closes. A log that was rotated "
    "under a running program keeps growing, and neither `ls` nor `du` shows where the room went.",
    remedy="Let the program open its log again after rotation (often SIGHUP or SIGUSR1; logrotate's "
    "`copytruncate` otherwise), or restart it.",
    thresholds={
        "bytes": Threshold(64 * 2**20, "bytes of deleted files that one process holds open in one place")
    },
)
def deleted_file(look: Look) -> Iterator[Hit]:
    """Rotation went wrong."""
    for place in holdings(look.snapshot):
        held: dict[tuple[str, int, str], list[DeletedFile]] = {}
        for each in place.at.deleted_files:
            held.setdefault((each.container, each.process.pid, each.process.name), []).append(each)
        for (container, pid, name), files in held.items():
            total = sum(each.bytes for each in files)
            if total < look["bytes"]:
                continue
            largest = max(files, key=lambda each: each.bytes)
            yield Hit(
                subject=f"{place.noun} {container} {name}",
                evidence=[
                    (
                        f"{name} (PID {pid} of {container}) holds {count(len(files), 'deleted file')} of "
                        f"{place.noun} open, {size(total)} in all; the largest was {largest.path}."
                    )
                ],
                remedy=f"Let {name} in {container} open {largest.path} again (many programs do at SIGHUP: "
                f"`kill -HUP {pid}`), or restart {container}; then correct the rotation, for example "
                "with `copytruncate`.",
                pointers=[f"{place.pointer}/deleted_files"],
                containers=[container],
            )


@rule(
    "VOL107",
    "warning",
    title="One container waits for another's file lock",
    when="A process waits for a lock on a file, of a volume or of the Pod's /dev/shm, that a process of another "
    "container holds.",
    measured="/proc/locks with its waiters (`->`), read in each container's PID namespace; the file by device "
    "and inode.",
    why="The two containers run one after the other where they should run side by side, and for ever if "
    "the holder is stuck.",
    remedy="Hold the lock for a shorter time, or use LOCK_NB and try again later; look at what the holder "
    "does meanwhile.",
    of_channels=True,
)
def foreign_lock(look: Look) -> Iterator[Hit]:
    """A lock across containers."""
    for place in holdings(look.snapshot):
        for number, lock in enumerate(place.at.locks):
            holder = lock.holder.container
            # One without a number is in another PID namespace than the holder, and so in another container.
            waiters = [
                each
                for each in lock.waiters
                if each.container != holder and (each.container is not None or each.pid is None)
            ]
            if not waiters or holder is None:
                continue
            path = lock.path or f"inode {lock.inode}"
            names = listed(
                f"{each.process or 'a process'} of {each.container or 'another container'}"
                + (f" (PID {each.pid})" if each.pid else "")
                for each in waiters
            )
            yield Hit(
                subject=f"{place.noun} {path}",
                evidence=[
                    (
                        f"{names} waits for a {lock.kind} lock on {path} that "
                        f"{lock.holder.process or 'a process'} of {holder} holds for "
                        f"{_access(lock.holder.access)}."
                    )
                ],
                remedy=f"Let {holder} release the lock on {path} sooner; if it hangs, look at what it waits "
                f"for. Let {waiters[0].container or 'the other'} use a lock attempt that does not block (LOCK_NB, "
                "F_SETLK).",
                pointers=[f"{place.pointer}/locks/{number}"],
                containers=[holder, *(each.container for each in waiters)],
            )


def _access(access: str) -> str:
    return "writing" if access == "write" else "reading"
