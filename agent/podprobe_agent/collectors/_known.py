"""What does not change while a process runs the same program, asked once and not in every look.

A process is the same while its id and start time are, and runs the same program while its name (`comm`) does not
change. What is kept here nobody changes but by starting a program or, like its limits, hardly ever: it is asked
again every few seconds all the same.
"""

from __future__ import annotations

import os
import time

from podprobe_agent import procfs
from podprobe_agent.collectors import _shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podprobe_agent.collectors.context import Context
    from podprobe_agent.procfs import Stat

_SECONDS = 5.0
_FEW = 2000
"""Of more processes than this nothing is remembered, and psutil is not asked: both cost more than they save."""

_ticks = os.sysconf("SC_CLK_TCK")


class Known:
    """A process, and what is remembered of it.

    Attributes:
        name: in full, where the kernel cuts it at 15 bytes.
        started_at: seconds since the epoch.
        arguments: /proc/PID/cmdline as it was when `command` was made of it.
        command: for whoever makes one; empty at first.
    """

    __slots__ = (
        "arguments",
        "at",
        "cgroup",
        "comm",
        "command",
        "confirmed",
        "limit",
        "name",
        "root",
        "start",
        "started_at",
    )

    def __init__(self, context: Context, pid: int, stat: Stat, arguments: bytes) -> None:
        self.start = stat.start_ticks
        self.comm = stat.name
        self.name = procfs.text(_full_name(stat.name, arguments), 256)
        self.started_at = _boot_time(context) + stat.start_ticks / _ticks
        self.arguments: bytes | None = None
        self.command: str | None = None
        self.confirmed = False
        self.refresh(context, pid)

    def refresh(self, context: Context, pid: int) -> None:
        """Ask again for what may change after all."""
        self.at = time.monotonic()
        self.root = _shared.root_mount(context, pid)
        self.limit: int | None = None
        self.cgroup: str | None = None
        try:
            self.limit = procfs.open_files_limit(pid)
            cgroup = procfs.cgroup_path(pid)
            self.cgroup = None if cgroup is None else procfs.text(cgroup)
        except (OSError, ValueError, IndexError):
            pass  # it has gone since

    def confirm(self, pid: int) -> None:
        """Take names from psutil, once: it knows them and start times everywhere; until then ours have to do.

        Not at the first look: to import psutil takes an agent longer than that look, and compiling it longer still,
        where it was sent as source. Who looks once needs neither.
        """
        if self.confirmed:
            return
        self.confirmed = True
        psutil = _psutil()
        if psutil is None:
            return
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                self.name = procfs.text(os.fsencode(process.name()), 256)
                self.started_at = process.create_time()
        except (psutil.Error, OSError, ValueError):
            pass


class People:
    """The processes of the looks before, by id."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}

    def know(self, context: Context, pid: int, stat: Stat, arguments: bytes) -> Known:
        """A process, remembered or met now."""
        known = self._known.get(pid)
        if known is None or known.start != stat.start_ticks or known.comm != stat.name:
            few = len(_shared.pids(context)) <= _FEW
            known = Known(context, pid, stat, arguments)
            if few:
                self._known[pid] = known
        elif time.monotonic() - known.at > _SECONDS:
            known.refresh(context, pid)
            known.confirm(pid)
        return known

    def forget(self, context: Context) -> None:
        """Those that have gone."""
        if len(self._known) > len(_shared.pids(context)) or len(self._known) > _FEW:
            alive = frozenset(_shared.pids(context))
            for pid in [pid for pid in self._known if pid not in alive]:
                del self._known[pid]


def _psutil() -> Any:
    if procfs.ROOT != "/proc":
        return None
    try:
        import psutil
    except ImportError:
        return None
    return psutil


def _boot_time(context: Context) -> float:
    found: float | None = context.shared.get("boot time")
    if found is None:
        found = context.shared["boot time"] = procfs.boot_time()
    return found


def split(raw: bytes) -> list[bytes]:
    """Arguments of /proc/PID/cmdline. A program that wrote a title over its own has spaces for separators, as one."""
    return raw[:-1].split(b"\0") if raw.endswith(b"\0") else raw.split(b"\0") if raw else []


def _full_name(name: bytes, arguments: bytes) -> bytes:
    """The kernel cuts names at 15 bytes; the program's own name tells the rest, where it begins the same."""
    if len(name) >= 15 and arguments:
        program = split(arguments)[0].rpartition(b"/")[2]
        if program.startswith(name):
            return program
    return name
