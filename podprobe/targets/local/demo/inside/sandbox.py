"""The sandbox: makes the Pod's namespaces, starts its containers, restarts them as the kubelet would, and ends all.

Two processes. The outer one stays in the caller's PID namespace and waits: for the end of its standard input
(its parent has closed it, or has died) or for a signal. The inner one is PID 1 of the Pod's PID namespace; every
container is beneath it, so that killing it ends every process, and with the last process the kernel takes down the
mounts, the network, and the IPC objects.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from typing import Any

from . import interfaces, linux, rootfs
from .cgroups import Cgroups
from .kubelet import Kubelet
from .outside import start_outside

_POD_NAMESPACES = linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWNET


def main() -> None:
    """Be the outer process. Reads one line of JSON, then waits; tells what happens as lines of JSON on stdout."""
    lifeline = sys.stdin.fileno()
    config = _read_config(lifeline)
    linux.die_with_parent(signal.SIGTERM)
    signals = _signals_as_fd()
    try:
        _enter_namespaces()
    except OSError as error:
        _tell({"error": "namespaces", "errno": error.errno, "message": str(error)})
        return
    cgroups = Cgroups({one["name"]: _limits(one, config["pids"]) for one in _containers(config["pod"])})
    missing = set(config["controllers"]) - cgroups.controllers
    if missing:
        cgroups.remove()
        _tell({"error": "controllers", "missing": sorted(missing), "message": "; ".join(cgroups.notes)})
        return
    # The inner process notices the outer one's end by this pipe too: it holds the writing end open as long as it lives.
    inner_lifeline, held_open = os.pipe()
    inner = os.fork()
    if inner == 0:
        os.close(held_open)
        _be_pid_one(config, cgroups, inner_lifeline)
    os.close(inner_lifeline)
    _tell({"pid": inner, "notes": cgroups.notes, "cgroups": [str(top) for top in cgroups.tops]})
    ended = os.pidfd_open(inner)
    select.select([lifeline, signals, ended], [], [])
    os.kill(inner, signal.SIGKILL)
    os.waitpid(inner, 0)
    cgroups.remove()


def _read_config(lifeline: int) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(lifeline, 65536)
        if not part:
            sys.exit("the demo ended before its sandbox began")
        line += part
    config: dict[str, Any] = json.loads(line)
    return config


def _signals_as_fd() -> int:
    """A descriptor that becomes readable with SIGTERM, SIGINT or SIGHUP."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return readable


def _enter_namespaces() -> None:
    """A PID namespace for the child: as root plainly, otherwise in a user namespace in which the user is root."""
    with contextlib.suppress(PermissionError):
        linux.unshare(linux.CLONE_NEWPID)
        return
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWPID | linux.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123  # one write(2), as the kernel demands
            file.write(text)


def _be_pid_one(config: dict[str, Any], cgroups: Cgroups, lifeline: int) -> None:
    """Never returns."""
    try:
        linux.die_with_parent(signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        linux.set_process_name("pause")
        # Only here: the outer process is none of the Pod's, and keeps the machine's root.
        linux.unshare(_POD_NAMESPACES)
        pod = config["pod"]
        linux.sethostname(pod["spec"]["hostname"])
        interfaces.bring_up("lo")
        # Before the root changes: afterwards, nothing more can be imported.
        kubelet = Kubelet(pod, config["faults"], cgroups, _tell)
        rootfs.make_sandbox_root(config)
        notes = start_outside(pod, config["faults"])
        kubelet.run(lifeline, notes)
    except BaseException as error:  # a forked child must never run on into its parent's code
        _tell({"error": "setup", "errno": getattr(error, "errno", None), "message": f"{error!r}"})
        os._exit(1)
    os._exit(0)


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _limits(container: dict[str, Any], pids: dict[str, int]) -> dict[str, str]:
    limits: dict[str, str] = dict(container.get("resources", {}).get("limits", {}))
    if container["name"] in pids:
        limits["pids"] = str(pids[container["name"]])
    return limits


def _tell(event: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(event).encode() + b"\n")
