"""Who this agent is: the contents of its first frame (`podprobe.agents.answers.Hello`)."""

from __future__ import annotations

import os
import sys

from podprobe_agent import __version__, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NET_RAW = 13
_NAMESPACES = ("net", "ipc", "pid", "mnt", "uts", "user", "cgroup")


def hello(psutil_version: str | None, psutil_error: str | None, root_pid: int = 1) -> dict[str, Any]:
    """What the client is told at once. Nothing here fails where /proc hides something; it is left out."""
    status = _status()
    capabilities = int(status.get("CapEff", "0"), 16)
    system = os.uname()
    return {
        "protocol": protocol.VERSION,
        "version": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "kernel": system.release,
        "machine": system.machine,
        "libc": libc(),
        "pid": os.getpid(),
        "uid": os.geteuid(),
        "gid": os.getegid(),
        "groups": os.getgroups(),
        "capabilities": capabilities,
        "no_new_privileges": _flag(status.get("NoNewPrivs")),
        "seccomp": _number(status.get("Seccomp")),
        "psutil": psutil_version,
        "psutil_error": psutil_error,
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "boot_time": _boot_time(),
        "namespaces": _namespaces("self"),
        "target_namespaces": _namespaces(str(root_pid)),
        "capture": bool(capabilities >> _NET_RAW & 1),
    }


def libc() -> str:
    """`glibc 2.36`, or `musl`, which does not tell its version."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or "musl"
    except (ValueError, OSError):
        return "musl"


def _status() -> dict[str, str]:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            pairs = (line.partition(":") for line in file)
            return {name: value.strip() for name, _, value in pairs}
    except OSError:
        return {}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _flag(text: str | None) -> bool | None:
    number = _number(text)
    return None if number is None else bool(number)


def _boot_time() -> float:
    """Seconds since the epoch at which the machine started (`btime` of /proc/stat)."""
    try:
        with open("/proc/stat", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("btime "):
                    return float(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0.0


def _namespaces(process: str) -> dict[str, int]:
    found = {}
    for name in _NAMESPACES:
        try:
            found[name] = os.stat(f"/proc/{process}/ns/{name}").st_ino
        except OSError:
            continue
    return found
