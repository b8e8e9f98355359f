"""What this machine's /proc tells of processes and the namespaces that they are in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.errors import AccessError, TargetError
from podprobe_agent.protocol import AGENT_TITLE, HOLDER_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = ("net", "pid", "mnt", "ipc", "uts", "user")


@dataclass(frozen=True)
class Member:
    """A process of the group."""

    pid: int
    """As this machine numbers it (as the PID namespace of podprobe does)."""
    inner_pid: int
    """As its own PID namespace numbers it: 1 for a container's first process."""
    parent: int
    name: str
    started: int
    """Clock ticks since the machine started: the order of birth."""
    uid: int
    gid: int
    namespaces: dict[str, int]
    """Inodes, by kind: `net`, `pid`, `mnt`, `ipc`, `uts`, `user`."""
    agent: bool
    """It is a process of podprobe's: an agent, or what holds an agent's container open."""
    cgroup: str
    """Its path in the v2 hierarchy, or the longest in any v1 hierarchy; empty where unreadable."""


def members_of(pid: int) -> tuple[Member, ...]:
    """Every process that shares the network namespace of `pid`, oldest first.

    On the host's own network that would be the whole machine; there, only those of the same PID namespace count.

    Raises:
        TargetError: there is no such process, or this is not Linux.
        AccessError: its namespaces may not be read.
    """
    wanted = namespace(pid, "net")
    shared = "pid" if on_host_network(pid) else "net"
    wanted = namespace(pid, shared)
    found = [member for other in _pids() if (member := _read(other, shared, wanted)) is not None]
    pid_namespace = namespace(pid, "pid")
    if pid_namespace != (own := own_namespace("pid")):
        # Shells and tools that somebody has sent in by nsenter, podprobe's own among them, are none of its containers.
        found = [member for member in found if member.namespaces["pid"] != own]
    if not found:
        raise TargetError(f"process {pid} ended while it was looked at", "name a process that is still there")
    return tuple(sorted(found, key=lambda member: (member.started, member.pid)))


def namespace(pid: int, kind: str) -> int:
    """The inode that names a process's namespace.

    Raises:
        TargetError, AccessError: see `members_of`.
    """
    if not Path("/proc/self/ns").is_dir():
        raise TargetError(
            "local: targets are made of Linux namespaces, and this system has none", "run it on Linux"
        )
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except (FileNotFoundError, ProcessLookupError):
        raise TargetError(
            f"there is no process {pid} on this machine",
            "name the PID of a running process of the Pod, as ps shows it here",
        ) from None
    except PermissionError:
        way_out = "run podprobe as root, or as the user who started the process"
        if os.geteuid() == 0:
            way_out = "run podprobe in the machine's own namespaces: this root is that of a container"
        raise AccessError(
            f"the namespaces of process {pid} may not be read by uid {os.geteuid()}", way_out
        ) from None


def on_host_network(pid: int) -> bool:
    """The process is in the network namespace of the machine's first process, or where that is closed, in ours."""
    try:
        own = os.stat("/proc/1/ns/net").st_ino
    except OSError:
        own = own_namespace("net")
    return namespace(pid, "net") == own


def own_namespace(kind: str) -> int:
    """The inode of podprobe's own namespace."""
    return os.stat(f"/proc/self/ns/{kind}").st_ino


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _read(pid: int, shared: str, wanted: int) -> Member | None:
    directory = Path("/proc", str(pid))
    try:
        if os.stat(f"{directory}/ns/{shared}").st_ino != wanted:
            return None
        stat = (directory / "stat").read_text(errors="replace")
        status = dict(
            line.split(":\t", 1)
            for line in (directory / "status").read_text(errors="replace").splitlines()
            if ":\t" in line
        )
        arguments = (directory / "cmdline").read_bytes()
        namespaces = {kind: os.stat(f"{directory}/ns/{kind}").st_ino for kind in _KINDS}
    except OSError:
        # Ended meanwhile, or another user's; the one that was asked for has been read before.
        return None
    # The name may hold spaces and brackets; what follows the last bracket is numbers.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Member(
        pid=pid,
        inner_pid=int(status.get("NSpid", str(pid)).split()[-1]),
        parent=int(fields[1]),
        name=stat.partition("(")[2].rpartition(")")[0],
        started=int(fields[19]),
        uid=int(status["Uid"].split()[1]),
        gid=int(status["Gid"].split()[1]),
        namespaces=namespaces,
        agent=AGENT_TITLE.encode() in arguments.split(b"\0") or HOLDER_MARK.encode() in arguments,
        cgroup=_cgroup(directory),
    )


def _cgroup(directory: Path) -> str:
    try:
        lines = (directory / "cgroup").read_text().splitlines()
    except OSError:
        return ""
    paths = {line.split(":", 2)[0]: line.split(":", 2)[2] for line in lines}
    return max(paths.values(), key=len, default="")
