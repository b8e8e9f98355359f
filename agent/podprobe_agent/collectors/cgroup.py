"""Area `cgroup`: the container's control group, v1, v2 or both.

A container's own /sys/fs/cgroup shows its group: with a cgroup namespace as the root of what is mounted there,
without one as a bind mount of the group's directory. Both read the same in mountinfo: the mount's `root` is a
directory of the hierarchy, and the group's path lies at it or below.
"""

from __future__ import annotations

import os

from podprobe_agent import inroot, mountinfo, procfs
from podprobe_agent.collectors import _cgroup_files, _door, _shared
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from podprobe_agent.collectors._cgroup_files import Files
    from podprobe_agent.collectors.context import Context

    Read = Callable[[str, str], bytes]

_UNLIMITED = 1 << 62  # v1 says "none" by the largest multiple of a page
_USER_HZ_NS = 1_000_000_000


class _Place(NamedTuple):
    """Where a hierarchy's directory of the group can be opened."""

    pid: int
    """Through whose root."""
    path: bytes


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
    files = _cgroup_files.of(pid, lambda: _directories(context))
    try:
        value = _values(pid, files)
        if files.gone:  # while it was read: what is there now has been looked for already, or will be
            files.close()
            files = _cgroup_files.of(pid, lambda: _directories(context))
            value = _values(pid, files)
    finally:
        _cgroup_files.keep(pid, files)
    return value


def _values(pid: int, files: Files) -> dict[str, Any]:
    directories, read = files.directories, files.read
    group: dict[str, Any] = {"path": _text(procfs.cgroup_path(pid))}
    if "" in directories:
        inode = os.fstat(directories[""]).st_ino
        # 1 is the root of the hierarchy: on a hybrid host that does not use v2, everyone is in it.
        group["id"] = inode if inode != 1 else None
    if "" in directories and (read("", "memory.current") or read("", "cpu.max")):
        return {"version": 2, **group, **_v2(read)}
    if any(directories):
        # A hybrid: its use and limits are in v1, pressure is in v2 alone, where that is reached and is not the root.
        pressure = _pressure(read) if group.get("id") and not _is_v2_root(directories[""]) else {}
        return {"version": 1, **group, **_v1(read), "pressure": pressure}
    return {"version": 2, **group, **_v2(read)}


def _directories(context: Context) -> dict[str, int]:
    """Open the group's directory in each hierarchy that can be reached, through the container or through the agent.

    Raises:
        OSError: none can.
    """
    directories: dict[str, int] = {}
    refused: OSError | None = None
    for controller, candidates in _places(context).items():
        for place in candidates:
            try:
                directory = inroot.open_path(place.pid, place.path)
            except OSError as error:
                refused = error
                continue
            if controller and _is_root(directory):
                os.close(directory)
                refused = FileNotFoundError(0, "it has none of its own")
                continue
            directories[controller] = directory
            break
    if not directories:
        raise refused or FileNotFoundError(0, "no cgroup filesystem is mounted there")
    return directories


def _places(context: Context) -> dict[str, list[_Place]]:
    """By controller (empty: v2), where the group's directory can be: through the container, then through the agent."""
    lines = procfs.cgroup_lines(context.root_pid)
    paths = {name: path for controllers, path in lines for name in controllers.split(",")}
    places: dict[str, list[_Place]] = {}
    for through in (_door.find(context), os.getpid()):
        try:
            mounts = _shared.mounts(context, through)
        except OSError:
            continue
        for mount in mounts:
            if mount.kind == "cgroup2":
                names = [""]
            elif mount.kind == "cgroup":
                names = [name for name in procfs.text(mount.super_options).split(",") if name in paths]
            else:
                continue
            for name in names:
                where = _below(mount, paths.get(name))
                if where is not None:
                    places.setdefault(name, []).append(_Place(through, where))
    return places


def _below(mount: mountinfo.Mount, group: bytes | None) -> bytes | None:
    """The group's directory within a mount of its hierarchy; `None` where the mount does not reach it."""
    if group is None:
        return None
    relative = os.path.relpath(group, mount.root)
    if relative == b"." or mount.root == group:
        return mount.path
    return None if relative.startswith(b"..") else os.path.join(mount.path, relative)


def _is_root(directory: int) -> bool:
    """The root of a v1 hierarchy: this controller keeps no account of the container, but of the whole machine."""
    try:
        # The kernel has this file in roots only (CFTYPE_ONLY_ON_ROOT).
        os.stat("release_agent", dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return True


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
        "oom_kills": _line(read("", "memory.events"), b"oom_kill"),
        "pids": _number(read("", "pids.current")),
        "pids_limit": _number(read("", "pids.max")),
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
        "oom_kills": _line(read("memory", "memory.oom_control"), b"oom_kill"),
        "pids": _number(read("pids", "pids.current")),
        "pids_limit": _number(read("pids", "pids.max")),
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
