"""Looking changes nothing in the Pod: no file, no IPC object, no process ended, nothing left running."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import Demo
from tests.local import kernel

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif(shutil.which("nsenter") is None, reason="util-linux is not installed"),
]


def _files(demo: Demo) -> set[tuple[str, str, int, int]]:
    """Files and directories wherever one might leave something, by container and path.

    Not below /cache and /logs: there the Pod's own programs write.
    """
    found = set()
    for container, status in kernel.statuses(demo).items():
        if "running" not in status["state"]:
            continue
        root = f"/proc/{kernel.processes(demo, container)[0]}/root"
        found |= {(container, f"/{entry.name}", 0, 0) for entry in Path(root).iterdir()}
        for top in ("dev/shm", "dev/mqueue", "tmp", "run", "etc", "var", "root", "home"):
            for parent, directories, files in os.walk(f"{root}/{top}"):
                for name in (*directories, *files):
                    path = f"{parent}/{name}"
                    try:
                        there = os.lstat(path)
                    except FileNotFoundError:
                        continue  # a program of the Pod has removed it meanwhile
                    found.add((container, path.removeprefix(root), there.st_ino, there.st_mode))
    return found


def _sysv(demo: Demo) -> dict[str, list[tuple[str, ...]]]:
    """Keys, ids and modes of the Pod's System V objects, as the kernel lists them."""
    listed = {}
    for kind in ("shm", "sem", "msg"):
        text = subprocess.run(
            ["nsenter", "--target", str(demo.pid), "--ipc", "cat", f"/proc/sysvipc/{kind}"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        listed[kind] = sorted(tuple(line.split()[:3]) for line in text.splitlines()[1:])
    return listed


def _processes(demo: Demo) -> set[tuple[int, str]]:
    """The Pod's processes, by PID and start: one that was ended and started again is another."""
    network = kernel.namespace(demo.pid, "net")
    found = set()
    for pid in kernel.all_pids():
        try:
            if kernel.namespace(pid, "net") == network:
                found.add((pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_what_was_there_is_there_and_nothing_else() -> None:
    with Demo(()) as demo:
        before = _files(demo), _sysv(demo), _processes(demo)
        assert all(before)
        with closing(Session(open_local(demo.pid), SessionOptions())) as session:
            for _ in range(3):
                session.look()
            during = _processes(demo)
        assert during - before[2], "agents run in the Pod's network namespace, or this test compares nothing"
        after = _processes(demo)
        assert kernel.eventually(lambda: _processes(demo) == before[2]), after ^ before[2]
        assert _files(demo) == before[0]
        assert _sysv(demo) == before[1]
