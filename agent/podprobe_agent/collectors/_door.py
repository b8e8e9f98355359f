"""The process through whose root the container's files are reached."""

from __future__ import annotations

import os

from podprobe_agent import procfs
from podprobe_agent.collectors import _shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

_MOST_TRIED = 200


def find(context: Context) -> int:
    """The first process, or, where it is closed, one that has the same mount for its `/` and is open.

    A first process that changed its user id (a supervisor that drops privileges) is closed even to its own user.
    """
    known = context.shared.get("door")
    if isinstance(known, int):
        return known
    door = context.root_pid
    if not _is_open(door):
        mount = _shared.root_mount(context, door)
        for pid in _shared.pids(context)[:_MOST_TRIED]:
            if mount is not None and _shared.root_mount(context, pid) == mount and _is_open(pid):
                door = pid
                break
    context.shared["door"] = door
    return door


def _is_open(pid: int) -> bool:
    try:
        os.stat(procfs.path(pid, "root", "."))
    except OSError:
        return False
    return True
