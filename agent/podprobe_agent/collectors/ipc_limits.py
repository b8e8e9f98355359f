"""Area `ipc_limits`: the IPC namespace's limits and how far they are used.

/proc/sys/kernel and /proc/sys/fs/mqueue show the numbers of the reader's IPC namespace, and the agent is in
the Pod's.
"""

from __future__ import annotations

import os

from podprobe_agent import procfs
from podprobe_agent.collectors import posix_ipc, sysv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podprobe_agent.collectors.context import Context

_MOST = (1 << 63) - 1
"""Several limits are "none" by being close to 2**64; more than this is sent as this."""


def collect(context: Context) -> dict[str, Any]:
    """`answers.IpcLimitsValue`. `used` has the names of the limits that it is held against."""
    page = os.sysconf("SC_PAGE_SIZE")
    limits: dict[str, int] = {}
    for name in ("shmmni", "msgmni", "msgmnb", "msgmax"):
        _add(context, limits, name, "kernel", name)
    _add(context, limits, "shmmax_bytes", "kernel", "shmmax")
    _add(context, limits, "shmall_bytes", "kernel", "shmall", factor=page)
    try:
        # One file: SEMMSL, SEMMNS, SEMOPM, SEMMNI.
        numbers = procfs.read(procfs.path("sys", "kernel", "sem"), 256).split()
        limits.update(zip(("semmsl", "semmns", "semopm", "semmni"), map(int, numbers)))
    except OSError as error:
        context.note("partial", f"cannot read /proc/sys/kernel/sem: {error.strerror}")
    for name in ("queues_max", "msg_max", "msgsize_max"):
        _add(context, limits, f"mqueue_{name}", "fs/mqueue", name, required=False)
    return {"limits": limits, "used": _used(context, page)}


def _add(
    context: Context,
    limits: dict[str, int],
    name: str,
    directory: str,
    file: str,
    *,
    factor: int = 1,
    required: bool = True,
) -> None:
    try:
        limits[name] = min(int(procfs.read(procfs.path("sys", directory, file), 64)) * factor, _MOST)
    except OSError as error:
        if required:
            context.note("partial", f"cannot read /proc/sys/{directory}/{file}: {error.strerror}")


def _used(context: Context, page: int) -> dict[str, int]:
    used: dict[str, int] = {}
    try:
        segments = list(sysv.rows("shm"))
        used["shmmni"] = len(segments)
        used["shmall_bytes"] = sum(-(-row["size"] // page) * page for row in segments)
        sets = list(sysv.rows("sem"))
        used["semmni"] = len(sets)
        used["semmns"] = sum(row["nsems"] for row in sets)
        used["msgmni"] = sum(1 for _ in sysv.rows("msg"))
    except OSError:
        pass  # a kernel without System V IPC: the areas themselves say so
    queues = posix_ipc.queue_count(context)
    if queues is not None:
        used["mqueue_queues_max"] = queues
    return used
