"""What the kernel's own files and tools say of the demo Pod, without podprobe."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.errors import AccessError
from podprobe.targets.local.demo import Demo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


PYTHON = str(Path(sys.executable).resolve())
"""Containers of the demo have it at the same path."""


_DROP = ["setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all", "--no-new-privs"]
WITHOUT_PRIVILEGES = _DROP if os.geteuid() == 0 else []
"""In front of a command: it then has no capability, as an ordinary user has none; but for the one that uid 0
needs to be uid 0 in a user namespace too, where an ordinary user needs none."""


def eventually(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true answer of `condition`, or its last."""
    end = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


@contextlib.contextmanager
def demo_with(fault: str) -> Iterator[Demo]:
    """The demo Pod with one fault; the test is skipped where this user has no control groups for it."""
    with contextlib.ExitStack() as stack:
        try:
            demo = stack.enter_context(Demo([fault]))
        except AccessError as error:
            if "control groups" in error.message:
                pytest.skip(error.message)
            raise
        yield demo


def pod_json(demo: Demo) -> dict[str, Any]:
    pod: dict[str, Any] = json.loads(Path(f"/proc/{demo.pid}/root/pod.json").read_text())
    return pod


def statuses(demo: Demo) -> dict[str, dict[str, Any]]:
    status = pod_json(demo)["status"]
    return {one["name"]: one for one in (*status["initContainerStatuses"], *status["containerStatuses"])}


def processes(demo: Demo, container: str) -> list[int]:
    """A container's processes as this machine numbers them, its first process first."""
    wanted = statuses(demo)[container]["containerID"].removeprefix("demo://")
    found = [
        pid
        for pid in all_pids()
        if str(namespace(pid, "mnt")) == wanted or f"/{wanted}" in _cgroup_paths(pid)
    ]
    return sorted(
        found, key=lambda pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    )


def _cgroup_paths(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def namespace(pid: int | str, kind: str) -> int | None:
    try:
        return Path(f"/proc/{pid}/ns/{kind}").stat().st_ino
    except OSError:
        return None


def run_in(demo: Demo, *command: str, container: str | None = None, files: bool = True) -> str:
    """What a program of this machine prints in the Pod's namespaces; in a container, its PIDs and `files` too."""
    pid = processes(demo, container)[0] if container else demo.pid
    kinds = ["--net", "--ipc", "--uts"] + (["--pid", *(["--mount"] if files else [])] if container else [])
    if namespace(pid, "user") != namespace("self", "user"):
        kinds += ["--user", "--preserve-credentials"]
    return subprocess.run(
        ["nsenter", "--target", str(pid), *kinds, *command], check=True, capture_output=True, text=True
    ).stdout


def listeners(demo: Demo) -> dict[str, int]:
    """Address and port of every IPv4 TCP listener, with its inode."""
    found = {}
    for line in Path(f"/proc/{demo.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            found[_endpoint(fields[1])] = int(fields[9])
    return found


def owner(demo: Demo, inode: int) -> str | None:
    """The container with a process that has this socket open."""
    for container, status in statuses(demo).items():
        if "containerID" not in status:
            continue
        for pid in processes(demo, container):
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                if str(fd.readlink()) == f"socket:[{inode}]":
                    return container
    return None


def sysvipc(demo: Demo, kind: str) -> list[dict[str, int]]:
    """Rows of /proc/sysvipc/KIND of the Pod; permissions as printed."""
    header, *rows = run_in(demo, "cat", f"/proc/sysvipc/{kind}").splitlines()
    names = header.split()
    return [dict(zip(names, map(int, row.split()), strict=True)) for row in rows]


def counter(demo: Demo, name: str) -> int:
    """A counter of the network namespace, as `Tcp:RetransSegs`."""
    group, _, field = name.partition(":")
    for file in ("snmp", "netstat"):
        lines = [line.split() for line in Path(f"/proc/{demo.pid}/net/{file}").read_text().splitlines()]
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            if names[0] == f"{group}:" and field in names:
                return int(values[names.index(field)])
    raise KeyError(name)


def cgroup_file(demo: Demo, container: str, controller: str, name: str, v1_name: str | None = None) -> str:
    """A file of a container's control group, whichever version has the controller."""
    for line in Path(f"/proc/{processes(demo, container)[0]}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path(f"/sys/fs/cgroup/{controllers}{path}", v1_name or name).read_text()
    return Path(f"/sys/fs/cgroup{path}", name).read_text()  # the last line is that of version 2


def root_of(demo: Demo, container: str) -> Path:
    return Path(f"/proc/{processes(demo, container)[0]}/root")


def connections(demo: Demo) -> list[tuple[str, str, str]]:
    """Local and remote endpoint, and state in hexadecimal, of every IPv4 TCP socket that does not listen."""
    rows = [line.split() for line in Path(f"/proc/{demo.pid}/net/tcp").read_text().splitlines()[1:]]
    return [(_endpoint(row[1]), _endpoint(row[2]), row[3]) for row in rows if row[3] != "0A"]


def backlog(demo: Demo, port: int) -> tuple[int, int]:
    """Of a listener: connections that wait, and how many may."""
    (line,) = run_in(demo, "ss", "-tlnH", f"sport = :{port}").splitlines()
    return int(line.split()[1]), int(line.split()[2])


def tcp_details(demo: Demo, which: str) -> list[str]:
    """What `ss -ti` says of each connection that the filter lets through."""
    return run_in(demo, "ss", "-tniHO", *which.split()).splitlines()


def _endpoint(text: str) -> str:
    address, _, port = text.partition(":")
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(address))) + f":{int(port, 16)}"
