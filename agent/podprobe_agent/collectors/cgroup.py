"""Area `cgroup`: the container's control group, v1, v2 or both."""

from __future__ import annotations

import os

from podprobe_agent import procfs
from podprobe_agent.collectors import _cgroup_files, _cgroup_places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from podprobe_agent.collectors._cgroup_files import Files
    from podprobe_agent.collectors.context import Context

    Read = Callable[[str, str], bytes]

_UNLIMITED = 1 << 62  # v1 says "none" by the largest multiple of a page
_USER_HZ_NS = 1_000_000_000


def collect(context: Context) -> dict[str, Any]:
    """`answers.CgroupValue` of the container's first process."""
    try:
        with _cgroup_files.lock:
            return _measure(context)
    except OSError as error:
        context.note(
            "none",
            f"cannot reach the control group of process {context.root_pid}: {error.strerror or error}",
            "an agent with the container's own user and capabilities",
        )
        return {"version": _version(context.root_pid)}


def _version(pid: int) -> int:
    try:
        return 1 if any(controllers for controllers, _ in procfs.cgroup_lines(pid)) else 2
    except OSError:
        return 2


def _measure(context: Context) -> dict[str, Any]:
    """Read the group.

    Raises:
        OSError: none of its hierarchies can be reached.
    """
    pid = context.root_pid
    files = _cgroup_files.of(pid, lambda: _cgroup_places.find(context))
    try:
        value = _values(pid, files)
        if files.gone:  # while it was read: what is there now has been looked for already, or will be
            files.close()
            files = _cgroup_files.of(pid, lambda: _cgroup_places.find(context))
            value = _values(pid, files)
    finally:
        _cgroup_files.keep(pid, files)
    return value


def _values(pid: int, files: Files) -> dict[str, Any]:
    directories, read = files.directories, files.read
    group: dict[str, Any] = {"path": _text(procfs.cgroup_path(pid))}
    if "" in directories:
        # 1 is the root of the hierarchy: on a hybrid host that does not use v2, everyone is in it.
        group["id"] = files.id if files.id != 1 else None
    if "" in directories and (read("", "memory.current") or read("", "cpu.max")):
        return {"version": 2, **group, **_v2(read)}
    if any(directories):
        # A hybrid: its use and limits are in v1, pressure is in v2 alone, where that is reached and is not the root.
        pressure = _pressure(read) if group.get("id") and not _is_v2_root(directories[""]) else {}
        return {"version": 1, **group, **_v1(read), "pressure": pressure}
    return {"version": 2, **group, **_v2(read)}


def _is_v2_root(directory: int) -> bool:
    """The root of the v2 hierarchy: its pressure is the whole machine's. The kernel has no `cgroup.type` there."""
    try:
        os.stat("cgroup.type", dir_fd=directory, follow_symlinks=False)
    except OSError:
        return True
    return False


def _v2(read: Read) -> dict[str, Any]:
    cpu = read("", "cpu.stat")
    memory = read("", "memory.stat")
    events = read("", "memory.events")
    current = _number(read("", "memory.current"))
    used = _line(cpu, b"usage_usec")
    return {
        "cpu_seconds": None if used is None else used / 1e6,
        "cpu_limit": _quota(*_pair(read("", "cpu.max"))),
        "cpu_periods": _line(cpu, b"nr_periods"),
        "cpu_throttled_periods": _line(cpu, b"nr_throttled"),
        "memory_bytes": current,
        "memory_working_set_bytes": _working_set(current, _line(memory, b"inactive_file")),
        "memory_shmem_bytes": _line(memory, b"shmem"),
        "memory_limit_bytes": _number(read("", "memory.max")),
        "memory_peak_bytes": _number(read("", "memory.peak")),
        "memory_high_events": _line(events, b"high"),
        "memory_max_events": _line(events, b"max"),
        "oom_events": _line(events, b"oom"),
        "oom_kills": _line(events, b"oom_kill"),
        "pids": _number(read("", "pids.current")),
        "pids_limit": _number(read("", "pids.max")),
        "pids_max_events": _line(read("", "pids.events"), b"max"),
        "pressure": _pressure(read),
    }


def _v1(read: Read) -> dict[str, Any]:
    cpu = read("cpu", "cpu.stat")
    memory = read("memory", "memory.stat")
    current = _number(read("memory", "memory.usage_in_bytes"))
    used = _number(read("cpuacct", "cpuacct.usage"))
    limit = _number(read("memory", "memory.limit_in_bytes"))
    if limit is not None and limit >= _UNLIMITED:
        limit = None
    return {
        "cpu_seconds": None if used is None else used / _USER_HZ_NS,
        "cpu_limit": _quota(
            _number(read("cpu", "cpu.cfs_quota_us")), _number(read("cpu", "cpu.cfs_period_us"))
        ),
        "cpu_periods": _line(cpu, b"nr_periods"),
        "cpu_throttled_periods": _line(cpu, b"nr_throttled"),
        "memory_bytes": current,
        "memory_working_set_bytes": _working_set(current, _line(memory, b"total_inactive_file")),
        "memory_shmem_bytes": _first(_line(memory, b"total_shmem"), _line(memory, b"shmem")),
        "memory_limit_bytes": limit,
        "memory_peak_bytes": _number(read("memory", "memory.max_usage_in_bytes")),
        "memory_max_events": _number(read("memory", "memory.failcnt")),
        "oom_kills": _line(read("memory", "memory.oom_control"), b"oom_kill"),
        "pids": _number(read("pids", "pids.current")),
        "pids_limit": _number(read("pids", "pids.max")),
        "pids_max_events": _line(read("pids", "pids.events"), b"max"),
    }


def _pressure(read: Read) -> dict[str, float]:
    """`some avg10=1.53 avg60=…` as ratios: percentages of the last ten seconds."""
    found = {}
    for what in ("cpu", "memory", "io"):
        for line in read("", f"{what}.pressure").split(b"\n"):
            fields = line.split()
            if len(fields) > 1 and fields[1].startswith(b"avg10=") and (what, fields[0]) != ("cpu", b"full"):
                found[f"{what}_{procfs.text(fields[0], 16)}"] = float(fields[1][6:]) / 100
    return found


def _number(raw: bytes) -> int | None:
    """A number alone in its file; `None` for `max`, for -1 and where there is no file."""
    raw = raw.strip()
    return int(raw) if raw.isdigit() else None


def _pair(raw: bytes) -> tuple[int | None, int | None]:
    """`cpu.max`: quota and period."""
    fields = raw.split()
    return (_number(fields[0]), _number(fields[1])) if len(fields) == 2 else (None, None)


def _quota(quota: int | None, period: int | None) -> float | None:
    return quota / period if quota and period else None


def _line(raw: bytes, name: bytes) -> int | None:
    """The number of a line `name number` among many."""
    start = 0 if raw.startswith(name + b" ") else raw.find(b"\n" + name + b" ") + 1
    if not start and not raw.startswith(name + b" "):
        return None
    start += len(name) + 1
    end = raw.find(b"\n", start)
    return _number(raw[start:] if end < 0 else raw[start:end])


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _working_set(current: int | None, inactive_file: int | None) -> int | None:
    """As the kubelet has it."""
    if current is None or inactive_file is None:
        return None
    return max(0, current - inactive_file)


def _text(path: bytes | None) -> str | None:
    return None if path is None else procfs.text(path)
