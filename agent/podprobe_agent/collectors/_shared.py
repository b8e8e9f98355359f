"""What several collectors of a look need, found out once: the processes, their mounts, their command lines."""

from __future__ import annotations

from podprobe_agent import mountinfo, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podprobe_agent.collectors.context import Context
    from podprobe_agent.mountinfo import Mount

    Root = Optional[tuple[int, str]]

COMMAND_BYTES = 32 << 10
"""The most that is read of a command line."""
_KEPT_BYTES = 1 << 20
"""Of all command lines together, this much is kept for the collectors that come after."""


def pids(context: Context) -> list[int]:
    """The processes as the look's first collector to ask found them."""
    found: list[int] | None = context.shared.get("pids")
    if found is None:
        found = context.shared["pids"] = procfs.pids()
    return found


def root_mount(context: Context, pid: object) -> Root:
    """Id and device of the mount that a process has as its `/`; `None` where that cannot be read."""
    known: dict[object, Root] = context.shared.setdefault("root mounts", {})
    if pid not in known:
        try:
            known[pid] = mountinfo.root_mount(pid)
        except (OSError, ValueError):
            known[pid] = None
    return known[pid]


def mounts(context: Context, pid: object) -> list[Mount]:
    """The mounts that a process sees.

    Raises:
        OSError: the process has gone.
    """
    known: dict[object, list[Mount]] = context.shared.setdefault("mounts", {})
    if pid not in known:
        known[pid] = mountinfo.read(pid)
    return known[pid]


def command(context: Context, pid: int) -> bytes:
    """/proc/PID/cmdline, as far as it is read.

    Raises:
        OSError: the process has gone.
    """
    known: dict[int, bytes] = context.shared.setdefault("commands", {})
    found = known.get(pid)
    if found is None:
        found = procfs.read_once(procfs.path(pid, "cmdline"), COMMAND_BYTES + 1)
        room = context.shared.get("commands room", _KEPT_BYTES) - len(found)
        if room >= 0:
            known[pid] = found
            context.shared["commands room"] = room
    return found
