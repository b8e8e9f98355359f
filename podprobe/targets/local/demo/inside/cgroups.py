"""A control group for each container, where this user may make one; elsewhere the demo does without."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


class Cgroups:
    """Makes a cgroup-v2 directory for every container; with none, sockets cannot be told apart by cgroup id.

    Args:
        names: of the containers.
    """

    def __init__(self, names: list[str]) -> None:
        self.notes: list[str] = []
        self.directory: Path | None = None
        """Above those of the containers."""
        self._files: dict[str, int] = {}
        self._directories: list[Path] = []
        try:
            self._make(names)
        except OSError as error:
            self.remove()
            self._files = {}
            self.notes.append(f"containers share one control group: {error}")

    def _make(self, names: list[str]) -> None:
        parent = _own_directory() / f"podprobe-demo-{os.getpid()}"
        self.directory = parent
        for directory in (parent, *(parent / name for name in names)):
            directory.mkdir()
            self._directories.append(directory)
        for name in names:
            # Opened here, because the containers' mount namespaces show no cgroups.
            self._files[name] = os.open(parent / name / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def join(self, name: str) -> None:
        """Move the calling process into a container's control group, if there is one."""
        if name in self._files:
            # Moving needs rights on the common ancestor as well, which a delegated subtree may lack.
            with contextlib.suppress(OSError):
                os.write(self._files[name], b"0")

    def remove(self) -> None:
        """Take the directories down; the processes in them must have ended."""
        for directory in reversed(self._directories):
            with contextlib.suppress(OSError):
                directory.rmdir()
        self._directories = []


def _own_directory() -> Path:
    """The directory of the cgroup-v2 group that this process is in.

    Raises:
        FileNotFoundError: there is no cgroup v2.
    """
    path = next(
        (
            line.split(":", 2)[2]
            for line in Path("/proc/self/cgroup").read_text().splitlines()
            if line.startswith("0::")
        ),
        None,
    )
    for hierarchy in _HIERARCHIES:
        if path is not None and Path(hierarchy, "cgroup.controllers").exists():
            return Path(hierarchy, path.lstrip("/"))
    raise FileNotFoundError("no cgroup v2 here")
