"""What the kubelet does for a Pod: start containers, restart those that end, and keep the Pod's status."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import select
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import faults, linux, rootfs

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cgroups import Cgroups

STATUS = Path("/pod.json")
"""The Pod with its status, in the sandbox's root: what `kubectl get pod -o json` would print."""
_LONGEST_BACKOFF_SECONDS = 10.0
_PATIENCE_SECONDS = 15.0
_TICK_SECONDS = 0.25


class Kubelet:
    """Runs the containers of one Pod.

    Args:
        pod: the manifest; its `status` is kept here.
        active: names of the faults that the programs make.
        cgroups: where each container's processes belong.
        tell: reports events to the demo.
    """

    def __init__(
        self, pod: dict[str, Any], active: list[str], cgroups: Cgroups, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._pod = pod
        self._faults = active
        self._cgroups = cgroups
        self._tell = tell
        specs = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        self._containers = {spec["name"]: _Container(spec) for spec in specs}
        self._own_namespace = -1
        self._ready, self._announce = os.pipe()
        self._awaited = set(self._containers) | _actors(active)
        pod["status"] = {"phase": "Running", "startTime": _now()}

    def run(self, lifeline: int, notes: list[str]) -> None:
        """Start all and keep them running until `lifeline` ends."""
        self._own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        waiting = True
        for container in self._containers.values():
            self._start(container)
        while True:
            readable, _, _ = select.select([lifeline, self._ready], [], [], _TICK_SECONDS)
            if lifeline in readable:
                return
            if self._ready in readable:
                self._awaited -= set(os.read(self._ready, 4096).decode().split())
            self._reap()
            now = time.monotonic()
            for container in self._containers.values():
                if container.pid is None and now >= container.start_at:
                    self._start(container)
            if waiting and (not self._awaited or now > deadline):
                waiting = False
                late = [f"not ready in time: {', '.join(sorted(self._awaited))}"] if self._awaited else []
                self._tell({"ready": not late, "notes": notes + late})

    def _start(self, container: _Container) -> None:
        apart, tell_apart = os.pipe()
        if not self._pod["spec"].get("shareProcessNamespace"):
            linux.unshare(linux.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            self._be_container(container, tell_apart)
        # The child has its PID namespace; the sandbox goes back to its own, so that it can make another.
        linux.setns(self._own_namespace, linux.CLONE_NEWPID)
        os.close(tell_apart)
        os.read(apart, 1)
        os.close(apart)
        container.pid = pid
        container.started_at = _now()
        container.started_clock = time.monotonic()
        container.id = self._cgroups.identifier(container.spec["name"]) or str(linux.namespace_id("mnt", pid))
        self._write_status()

    def _be_container(self, container: _Container, tell_apart: int) -> None:
        """Never returns."""
        try:
            name = container.spec["name"]
            self._cgroups.join(name)
            linux.unshare(linux.CLONE_NEWNS)
            os.close(tell_apart)
            log = os.open(f"/logs/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            rootfs.make_container_root(container.spec)
            os.set_inheritable(self._announce, True)
            command = [rootfs.PYTHON, "-I", "-S", "-B", rootfs.CODE, *container.spec["command"]]
            command += [f"--faults={','.join(self._faults)}", f"--ready={self._announce}"]
            os.execve(rootfs.PYTHON, command, {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp"})
        except BaseException:
            traceback.print_exc()
        os._exit(1)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                for container in self._containers.values():
                    if container.pid == pid:
                        self._ended(container, status)

    def _ended(self, container: _Container, status: int) -> None:
        name = container.spec["name"]
        # One that crashes is as ready as it will be.
        self._awaited = {who for who in self._awaited if who.partition("/")[0] != name}
        container.pid = None
        container.id = None
        code = os.waitstatus_to_exitcode(status)
        exited = {"exitCode": code if code >= 0 else 128 - code, "reason": "Error" if code else "Completed"}
        if code < 0:
            exited["signal"] = -code
        message = Path("/logs", name).read_text(errors="replace").strip().splitlines()[-1:]
        container.last_exit = {
            **exited,
            "message": "".join(message),
            "startedAt": container.started_at,
            "finishedAt": _now(),
        }
        backoff = min(2.0**container.restarts, _LONGEST_BACKOFF_SECONDS)
        container.start_at = time.monotonic() + backoff
        container.restarts += 1
        self._write_status()

    def _write_status(self) -> None:
        initial = {spec["name"] for spec in self._pod["spec"].get("initContainers", [])}
        statuses = {name: container.status() for name, container in self._containers.items()}
        status = self._pod["status"]
        status["initContainerStatuses"] = [value for name, value in statuses.items() if name in initial]
        status["containerStatuses"] = [value for name, value in statuses.items() if name not in initial]
        new = STATUS.with_suffix(".new")
        new.write_text(json.dumps(self._pod))
        new.replace(STATUS)


class _Container:
    """One container's state."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.pid: int | None = None
        self.id: str | None = None
        self.started_at = ""
        self.started_clock = 0.0
        self.start_at = 0.0
        self.restarts = 0
        self.last_exit: dict[str, Any] | None = None

    def status(self) -> dict[str, Any]:
        """A containerStatus of the Kubernetes API; the id is its control group's or, without, its mount namespace's."""
        running = self.pid is not None
        waiting = {
            "waiting": {"reason": "CrashLoopBackOff", "message": f"back-off restarting {self.spec['name']}"}
        }
        status: dict[str, Any] = {
            "name": self.spec["name"],
            "image": self.spec["image"],
            "ready": running,
            "started": running,
            "restartCount": self.restarts,
            "state": {"running": {"startedAt": self.started_at}} if running else waiting,
            "lastState": {"terminated": self.last_exit} if self.last_exit else {},
            "user": {"linux": {"uid": 0, "gid": 0, "supplementalGroups": []}},
        }
        if self.id is not None:
            status["containerID"] = f"demo://{self.id}"
        return status


def _actors(active: list[str]) -> set[str]:
    return {f"{container}/{name}" for name in active for container in faults.load(name).ACTORS}


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
