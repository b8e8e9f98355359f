"""How large a file is that has no name any more, and that a process has mapped.

/proc/PID/map_files leads to the file itself, for those with CHECKPOINT_RESTORE on the machine. For all others, what the
mapping says has to do: how far it reaches into the file, and how much of it the process has in memory, which is a lower
bound of what the file takes.
"""

from __future__ import annotations

import os
import stat

from podprobe_agent import procfs
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from podprobe_agent.collectors.context import Context


class Piece(NamedTuple):
    """A line of /proc/PID/maps."""

    start: int
    end: int
    offset: int


def describe(context: Context, pid: int, items: Sequence[tuple[dict[str, Any], list[Piece]]]) -> None:
    """Add to `answers.MapItem`s of unlinked files what can be told of their size.

    Args:
        context: the look.
        pid: the process that has them mapped.
        items: each with its pieces.
    """
    left = [(item, pieces) for item, pieces in items if not _by_link(context, pid, item, pieces[0])]
    if not left:
        return
    resident = _resident(context, pid, {piece.start for _, pieces in left for piece in pieces})
    for item, pieces in left:
        item["reach_bytes"] = max(piece.offset + piece.end - piece.start for piece in pieces)
        # What is mapped twice is in memory once.
        by_offset: dict[int, int] = {}
        for piece in pieces:
            by_offset[piece.offset] = max(by_offset.get(piece.offset, 0), resident.get(piece.start, 0))
        item["resident_bytes"] = min(sum(by_offset.values()), item["reach_bytes"])


def status(found: os.stat_result) -> dict[str, Any]:
    """`answers.FileStatus`."""
    return {
        "size_bytes": found.st_size,
        "used_bytes": found.st_blocks * 512,
        "uid": found.st_uid,
        "gid": found.st_gid,
        "mode": stat.S_IMODE(found.st_mode),
        "modified_at": found.st_mtime,
    }


def _by_link(context: Context, pid: int, item: dict[str, Any], piece: Piece) -> bool:
    if context.shared.get("map files closed"):
        return False
    try:
        found = os.stat(procfs.path(pid, "map_files", f"{piece.start:x}-{piece.end:x}"))
    except PermissionError:
        context.shared["map files closed"] = True
        return False
    except OSError:
        return False  # unmapped meanwhile
    if found.st_ino != item["inode"]:
        return False
    item["file"] = status(found)
    return True


def _resident(context: Context, pid: int, starts: set[int]) -> dict[int, int]:
    """Bytes in memory of the mappings that begin at these addresses (`Rss` of /proc/PID/smaps)."""
    found: dict[int, int] = {}
    current = None
    try:
        for line in procfs.lines(procfs.path(pid, "smaps")):
            if line.startswith(b"Rss:") and current is not None:
                found[current] = int(line.split()[1]) * 1024
                current = None
                if len(found) == len(starts) or context.expired:
                    break
            elif b"-" in line[:17]:
                start = int(line.partition(b"-")[0], 16)
                current = start if start in starts else None
    except (OSError, ValueError):
        pass  # it has gone, or changed while it was read: what was not found is 0, which is a lower bound too
    return found
