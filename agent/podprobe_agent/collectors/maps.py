"""Area `maps`: who has shared memory mapped, SysV segments and files of /dev/shm (/proc/PID/maps)."""

from __future__ import annotations

import re

from podprobe_agent import procfs
from podprobe_agent.collectors import _shared, _unlinked, sysv
from podprobe_agent.collectors._denied import Denied
from podprobe_agent.collectors._unlinked import Piece

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_DELETED = b" (deleted)"
_SYSV = re.compile(rb"/SYSV([0-9a-f]{8}) \(deleted\)\Z")


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.MapItem`: one for each process and object; the pieces of a mapping, and several, add up."""
    denied = Denied(context, "maps")
    keys = sysv.shm_keys()
    seen = 0
    pids = _shared.pids(context)
    for pid in pids:
        found: dict[tuple[object, ...], dict[str, Any]] = {}
        complete = True
        try:
            complete = _read(context, pid, keys, found)
        except procfs.GONE:
            continue
        except OSError as error:
            denied.add(pid, error)
            continue
        seen += 1
        denied.saw(pid)
        yield from found.values()
        if not complete or context.expired:
            context.note("partial", f"time was over after {seen} of {len(pids)} processes")
            break
    denied.tell()


def _read(
    context: Context, pid: int, keys: dict[int, int], found: dict[tuple[object, ...], dict[str, Any]]
) -> bool:
    """Put a process's shared mappings into `found`; false if time was over first."""
    unlinked: dict[tuple[object, ...], list[Piece]] = {}
    for lines in procfs.matching(procfs.path(pid, "maps"), (b" /SYSV", b" /dev/shm/")):
        for line in lines:
            item = _item(pid, line, keys)
            if item:
                key = item["kind"], item["shmid"], item["device"], item["inode"]
                known = found.setdefault(key, item)
                if known is not item:
                    known["bytes"] += item["bytes"]
                if item["deleted"]:
                    unlinked.setdefault(key, []).append(_piece(line))
        if context.expired:
            return False
    _unlinked.describe(context, pid, [(found[key], pieces) for key, pieces in unlinked.items()])
    return True


def _piece(line: bytes) -> Piece:
    addresses, _, offset = line.split(None, 3)[:3]
    start, _, end = addresses.partition(b"-")
    return Piece(int(start, 16), int(end, 16), int(offset, 16))


def _item(pid: int, line: bytes, keys: dict[int, int]) -> dict[str, Any] | None:
    """`7f00-7f10 rw-s 00000000 00:01 3    /SYSV00001234 (deleted)`: device and inode before the path."""
    fields = line.split(None, 5)
    if len(fields) < 6 or not fields[1].endswith(b"s"):
        return None
    start, _, end = fields[0].partition(b"-")
    major, _, minor = fields[3].partition(b":")
    target = fields[5]
    item: dict[str, Any] = {
        "pid": pid,
        "kind": "posix",
        "shmid": None,
        "path": None,
        "device": f"{int(major, 16)}:{int(minor, 16)}",
        "inode": int(fields[4]),
        "bytes": int(end, 16) - int(start, 16),
        "deleted": target.endswith(_DELETED),
    }
    sysv_name = _SYSV.match(target)
    if sysv_name:
        # A container can have a file of that name; the segment's own key tells them apart.
        if keys.get(item["inode"]) != int(sysv_name.group(1), 16):
            return None
        item.update(kind="sysv", shmid=item["inode"], deleted=False)
        return item
    if not target.startswith(b"/dev/shm/"):
        return None
    if item["deleted"]:
        target = target[: -len(_DELETED)]
    item["path"] = procfs.text(procfs.unescape(target))
    return item
