"""Area `processes`: what runs in the agent's PID namespace. Environments are never read.

psutil reads the processes where it is there and they are few; it keeps what it knows from look to look. A PID
namespace with thousands is read straight from /proc, with the same results in a third of the time.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from podprobe_agent import mountinfo, procfs
from podprobe_agent.collectors import _own
from podprobe_agent.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_FEW = 2000
_COMMAND_BYTES = 32 << 10
_ATTRIBUTES = (
    "pid name ppid status uids gids num_threads num_fds memory_info cpu_times create_time cmdline".split()
)

_redactor = Redactor()


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.ProcessItem` for each process that is not this agent's own."""
    redactor = _redactor_for(context)
    pids = procfs.pids()
    own = _own.find(context)
    read = _from_psutil(len(pids)) or _from_proc(pids)
    count = 0
    for item, arguments in read:
        if context.expired:
            context.note("partial", f"time was over after {count} of {len(pids)} processes")
            return
        pid = item["pid"]
        mount, item["root_device"] = _root(pid)
        if own.is_this(pid, mount):
            continue
        item["agent"] = own.is_agent(mount, b"\0".join(arguments))
        item["command"] = _command(redactor, arguments)
        _add_rest(item)
        count += 1
        yield item


def _redactor_for(context: Context) -> Redactor:
    global _redactor  # noqa: PLW0603 - it remembers the command lines of the looks before
    if _redactor.patterns != context.redact:
        _redactor = Redactor(context.redact)
    for error in _redactor.errors:
        context.note("partial", f"a pattern to redact is no regular expression: {error}")
    return _redactor


def _from_psutil(count: int) -> Iterator[tuple[dict[str, Any], list[bytes]]] | None:
    if count > _FEW or procfs.ROOT != "/proc":
        return None
    try:
        import psutil
    except ImportError:
        return None
    return _psutil_items(psutil)


def _psutil_items(psutil: Any) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    for process in psutil.process_iter(_ATTRIBUTES, ad_value=None):
        info = process.info
        memory, cpu = info["memory_info"], info["cpu_times"]
        item = {
            "pid": info["pid"],
            "parent": info["ppid"] or 0,
            "name": procfs.text(os.fsencode(info["name"] or ""), 256),
            "state": info["status"] or "unknown",
            "uid": info["uids"].effective if info["uids"] else None,
            "gid": info["gids"].effective if info["gids"] else None,
            "threads": info["num_threads"],
            "open_files": info["num_fds"],
            "memory_bytes": memory.rss if memory else None,
            "cpu_seconds": cpu.user + cpu.system if cpu else None,
            "started_at": info["create_time"],
        }
        yield item, [os.fsencode(argument) for argument in info["cmdline"] or ()]


def _from_proc(pids: list[int]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    ticks = os.sysconf("SC_CLK_TCK")
    page = os.sysconf("SC_PAGE_SIZE")
    booted = procfs.boot_time()
    for pid in pids:
        try:
            stat = procfs.stat(pid)
            arguments = _arguments(pid)
        except (OSError, ValueError, IndexError):
            continue  # it has gone
        item = {
            "pid": pid,
            "parent": stat.parent,
            "name": procfs.text(_full_name(stat.name, arguments), 256),
            "state": stat.state,
            "uid": None,
            "gid": None,
            "threads": stat.threads,
            "open_files": None,
            "memory_bytes": stat.resident_pages * page,
            "cpu_seconds": stat.cpu_ticks / ticks,
            "started_at": booted + stat.start_ticks / ticks,
        }
        yield item, arguments


def _arguments(pid: int) -> list[bytes]:
    """/proc/PID/cmdline. A program that wrote a title over its arguments has spaces for separators, as one piece."""
    raw = procfs.read_once(procfs.path(pid, "cmdline"), _COMMAND_BYTES + 1)
    return raw[:-1].split(b"\0") if raw.endswith(b"\0") else raw.split(b"\0") if raw else []


def _full_name(name: bytes, arguments: list[bytes]) -> bytes:
    """The kernel cuts names at 15 bytes; the program's own name tells the rest, where it begins the same."""
    if len(name) >= 15 and arguments:
        program = arguments[0].rpartition(b"/")[2]
        if program.startswith(name):
            return program
    return name


def _command(redactor: Redactor, arguments: list[bytes]) -> str | None:
    if not arguments:
        return None
    kept = []
    room = _COMMAND_BYTES
    for argument in arguments:
        room -= len(argument) + 1
        if room < 0:
            # Half an argument could be half a secret, in a form that is no longer recognised.
            kept.append("…")
            break
        kept.append(argument.decode("utf-8", "replace"))
    return redactor.command(kept).strip()[: procfs.TEXT_LIMIT]


def _root(pid: int) -> tuple[int | None, str | None]:
    try:
        mount = mountinfo.root_mount(pid)
    except (OSError, ValueError):
        return None, None
    return mount or (None, None)


def _add_rest(item: dict[str, Any]) -> None:
    """What psutil does not tell, or not without privileges: all of it is readable by everyone."""
    pid = item["pid"]
    item["groups"] = item["open_files_limit"] = item["cgroup"] = None
    try:
        item["uid"], item["gid"], item["groups"] = procfs.status_ids(pid)
        item["open_files_limit"] = procfs.open_files_limit(pid)
        cgroup = procfs.cgroup_path(pid)
        item["cgroup"] = None if cgroup is None else procfs.text(cgroup)
    except (OSError, ValueError):
        return  # it has gone since
    if item["state"] == "zombie":
        item["open_files"] = None
    elif item["open_files"] is None:
        with contextlib.suppress(OSError):
            item["open_files"] = procfs.open_files_count(pid)
