"""Control groups for each container, where this user may make them; elsewhere the demo does without.

With cgroup v2 alone, its directories have the controllers that the host has enabled at its root. On a host that has
cgroup v1 too, each controller has directories of its own; the v2 ones then only give sockets their cgroup id.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .quantity import amount

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROLLERS = ("cpu", "cpuacct", "memory", "pids")
"""`cpuacct` is v1's: it counts CPU time there."""
_PERIOD_US = 100_000


class Cgroups:
    """Makes the directories, above all before the containers start.

    Args:
        limits: by container, the `limits` of its resources; `pids` besides `cpu` and `memory`.
    """

    def __init__(self, limits: dict[str, dict[str, str]]) -> None:
        self.notes: list[str] = []
        self.tops: list[Path] = []
        """Above those of the containers."""
        self.controllers: set[str] = set()
        """Those that each container has for itself."""
        self.ids = {name: _identifier(name) for name in limits}
        """What the containers' directories are called: like a runtime's ids, which is what podprobe goes by."""
        self._files: dict[str, list[int]] = {name: [] for name in limits}
        self._directories: list[Path] = []
        failures = []
        for hierarchy, controllers in _hierarchies():
            try:
                self._make(hierarchy / f"podprobe-demo-{os.getpid()}", controllers, limits)
            except OSError as error:
                failures.append(str(error))
        if not self.controllers:
            why = f": {failures[0]}" if failures else ""
            self.notes.append(f"CPU and memory cannot be told by container, nor limited{why}")

    def join(self, name: str) -> None:
        """Move the calling process into a container's control groups, as far as there are any."""
        for file in self._files[name]:
            # Moving needs rights on the common ancestor as well, which a delegated subtree may lack.
            with contextlib.suppress(OSError):
                os.write(file, b"0")

    def identifier(self, name: str) -> str | None:
        """A container's id; `None` where it has no control group of its own."""
        return self.ids[name] if self._files[name] else None

    def remove(self) -> None:
        """Take the directories down; the processes in them must have ended."""
        for directory in reversed(self._directories):
            with contextlib.suppress(OSError):
                directory.rmdir()

    def _make(self, top: Path, controllers: set[str], limits: dict[str, dict[str, str]]) -> None:
        top.mkdir()
        self.tops.append(top)
        self._directories.append(top)
        version = 2 if (top / "cgroup.controllers").exists() else 1
        if version == 2:
            with contextlib.suppress(OSError):
                (top / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
            controllers = set((top / "cgroup.subtree_control").read_text().split())
        for name, own in limits.items():
            directory = top / self.ids[name]
            directory.mkdir()
            self._directories.append(directory)
            for file, text in _settings(version, controllers, own):
                (directory / file).write_text(text)
            # Opened here, because the containers' mount namespaces show no control groups.
            self._files[name].append(os.open(directory / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        self.controllers |= controllers


def _identifier(name: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(f"{os.getpid()} {name}".encode()).hexdigest()


def _settings(version: int, controllers: set[str], limits: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Files to write, with their texts."""
    if "cpu" in controllers and "cpu" in limits:
        quota = int(amount(limits["cpu"]) * _PERIOD_US)
        yield ("cpu.max", f"{quota} {_PERIOD_US}") if version == 2 else ("cpu.cfs_quota_us", str(quota))
    if "memory" in controllers and "memory" in limits:
        yield "memory.max" if version == 2 else "memory.limit_in_bytes", str(int(amount(limits["memory"])))
    if "pids" in controllers and "pids" in limits:
        yield "pids.max", limits["pids"]


def _hierarchies() -> Iterator[tuple[Path, set[str]]]:
    """Where to make directories, and the controllers that they have there.

    In v1 that is below the group that this process is in. In v2 it is the root: only there may a group with processes
    hand controllers down; who may not write there has no use for more than the cgroup id, below the own group.
    """
    own = {line.split(":")[1]: line.rstrip("\n").split(":", 2)[2] for line in _lines("/proc/self/cgroup")}
    for line in _lines("/proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        place = Path(before.split(" ")[4])
        kind, _, options = after.rstrip("\n").split(" ", 2)
        if kind == "cgroup2" and "" in own:
            at_root = os.access(place, os.W_OK)
            given = (place / "cgroup.subtree_control").read_text().split() if at_root else []
            yield (place if at_root else place / own[""].lstrip("/")), set(given).intersection(CONTROLLERS)
        elif kind == "cgroup":
            mine = set(options.split(",")).intersection(CONTROLLERS)
            path = next((own[names] for names in own if mine and mine.intersection(names.split(","))), None)
            if path is not None:
                yield place / path.lstrip("/"), mine


def _lines(path: str) -> list[str]:
    with open(path) as file:  # noqa: PTH123
        return file.readlines()
