"""Builds the demo Pod, and takes it down."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from podprobe.errors import AccessError, TargetError, UsageError
from podprobe.targets.local.demo.inside.faults import DEFAULT, NAMES, Plan, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

HERE = Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class FaultInfo:
    """A fault that the demo Pod can have."""

    name: str
    findings: tuple[str, ...]
    summary: str
    takes: str = ""
    """How long it takes until the finding is there, where that is no matter of looks."""


def faults() -> tuple[FaultInfo, ...]:
    """Every fault there is."""
    modules = {name: load(name) for name in NAMES}
    return tuple(
        FaultInfo(
            name,
            module.FINDINGS,
            _first_sentence(module.__doc__ or ""),
            getattr(module, "TAKES", ""),
        )
        for name, module in modules.items()
    )


def _first_sentence(text: str) -> str:
    """Without the findings, which a list shows in a column of their own."""
    return inspect.cleandoc(text).partition("\n")[0].partition(" Shows ")[0]


def manifest() -> dict[str, Any]:
    """The demo Pod's manifest, as without any fault."""
    import yaml

    pod: dict[str, Any] = yaml.safe_load((HERE / "pod.yaml").read_text())
    return pod


class Demo:
    """A Pod that lives as long as its `with` block, and no longer than this process.

    Args:
        active: names of the faults that it has.

    Raises:
        UsageError: there is no such fault.
        AccessError: the kernel does not let this user make namespaces.
        TargetError: it could not be made, or this is not Linux.
    """

    def __init__(self, active: Sequence[str] = DEFAULT) -> None:
        unknown = [name for name in active if name not in NAMES]
        if unknown:
            raise UsageError(f"there is no fault {unknown[0]!r}", "see podprobe demo --list-faults")
        if sys.platform != "linux":
            raise TargetError(
                f"the demo is made of Linux namespaces, and this is {sys.platform}",
                "run it on Linux, or look at a Pod of a cluster: podprobe tui POD",
            )
        self.active = tuple(dict.fromkeys(active))
        self.pid = 0
        """PID 1 of the Pod, as this machine numbers it."""
        self.notes: tuple[str, ...] = ()
        """What this machine or user could not give the Pod."""
        self._cgroups: list[Path] = []
        self._sandbox: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        plan = Plan(pod=manifest())
        for name in self.active:
            declare = getattr(load(name), "declare", None)
            if declare is not None:
                declare(plan)
        config = {**dataclasses.asdict(plan), "faults": self.active}
        # A session of its own: Ctrl-C is for the command that runs on the Pod; the Pod goes when its lifeline does.
        self._sandbox = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(HERE / "inside"), "sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert self._sandbox.stdin is not None
            self._sandbox.stdin.write(json.dumps(config).encode() + b"\n")
            self._sandbox.stdin.flush()
            self._await_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the Pod down and wait until nothing of it is left. Safe to call twice."""
        if self._sandbox is None:
            return
        assert self._sandbox.stdin is not None
        assert self._sandbox.stdout is not None
        self._sandbox.stdin.close()
        self._sandbox.wait()
        self._sandbox.stdout.close()
        self._remove_cgroups()
        self._sandbox = None

    def _await_ready(self) -> None:
        assert self._sandbox is not None
        assert self._sandbox.stdout is not None
        for line in self._sandbox.stdout:
            event: dict[str, Any] = json.loads(line)
            self.notes += tuple(event.get("notes", ()))
            if "error" in event:
                raise _explained(event)
            self.pid = event.get("pid", self.pid)
            self._cgroups += map(Path, event.get("cgroups", ()))
            if "ready" in event:
                return
        raise TargetError("the demo Pod ended while it was being made", "its last words are above")

    def _remove_cgroups(self) -> None:
        """The sandbox removes its control groups itself, but for where it was killed."""
        for top in self._cgroups:
            if top.is_dir():
                for directory in (*(path for path in top.iterdir() if path.is_dir()), top):
                    with contextlib.suppress(OSError):
                        directory.rmdir()
        self._cgroups = []


def _explained(event: dict[str, Any]) -> AccessError | TargetError:
    if event["error"] == "namespaces":
        return AccessError(
            f"this machine does not let uid {os.geteuid()} make namespaces: {event['message']}",
            "run it as root, or allow user namespaces (sysctl user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns); "
            "in a container, it takes --privileged or CAP_SYS_ADMIN",
        )
    if event["error"] == "controllers":
        return AccessError(
            f"the fault needs control groups with {', '.join(event['missing'])}, and they cannot be made here: "
            f"{event['message']}",
            "run it as root on a machine (or in a container) whose /sys/fs/cgroup is writable",
        )
    return TargetError(
        f"the demo Pod could not be made: {event['message']}",
        "in a container, it takes --privileged or CAP_SYS_ADMIN with an unmasked /proc",
    )
