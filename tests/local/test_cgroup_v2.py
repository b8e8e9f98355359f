"""A group of the v2 hierarchy with processes in it, made for real: beside v1 or alone, with what controllers it has."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from podprobe.agents.answers import CgroupValue
from podprobe_agent import mountinfo
from podprobe_agent.collectors import cgroup
from podprobe_agent.collectors.context import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.namespaces

SPINNER = "while True: pass"
FIRST = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.unshare(0x20000)  # CLONE_NEWNS
libc.mount(b"none", b"/", None, (1 << 18) | 16384, None)  # private
for root in sys.argv[2:]:
    libc.mount(os.fsencode(sys.argv[1]), os.fsencode(root), None, 4096, None)  # as runtimes bind it
os.write(1, b".")
time.sleep(300)
"""


def run(program: str, *arguments: str, said: int | None = None) -> int:
    """A Python program's process; what it says goes to `said`. Not forked: this process may have threads."""
    command = [sys.executable, "-c", program, *arguments]
    to = [] if said is None else [(os.POSIX_SPAWN_DUP2, said, 1)]
    return os.posix_spawn(sys.executable, command, os.environ, file_actions=to)


def hierarchies(kind: str) -> list[Path]:
    """Where the roots of this machine's hierarchies are mounted."""
    return [
        Path(os.fsdecode(mount.path))
        for mount in mountinfo.read("self")
        if mount.kind == kind and mount.root == b"/"
    ]


@pytest.fixture
def group() -> Iterator[Path]:
    """A group of the v2 hierarchy."""
    roots = hierarchies("cgroup2")
    if not roots:
        pytest.skip("no cgroup v2 is mounted here")
    path = roots[0] / f"podprobe-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made here: {error.strerror}")
    yield path
    # Only these: other children of this process may be there to stay, as an end-to-end cluster's.
    for pid in map(int, (path / "cgroup.procs").read_text().split()):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    path.rmdir()


def spinners(group: Path, count: int) -> list[int]:
    """Processes in the group that all want the same CPU all the time."""
    cpu = min(os.sched_getaffinity(0))
    pids = []
    for _ in range(count):
        pid = run(SPINNER)
        os.sched_setaffinity(pid, {cpu})
        (group / "cgroup.procs").write_text(str(pid))
        for root in hierarchies("cgroup"):
            # Where v1 has the controllers, the process is in no group of theirs: v2 is all there is to see.
            (root / "cgroup.procs").write_text(str(pid))
        pids.append(pid)
    return pids


def measure(pid: int) -> tuple[CgroupValue, list[str]]:
    context = Context(root_pid=pid)
    value = msgspec.convert(cgroup.collect(context), CgroupValue)
    return value, [note["reason"] for note in context.notes]


def usage(group: Path) -> float:
    stat = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"]) / 1e6


def number(file: Path) -> int | None:
    text = file.read_text().strip() if file.exists() else "max"
    return int(text) if text.isdigit() else None


def test_a_group_of_v2_with_what_controllers_it_has(group: Path) -> None:
    pid, _ = spinners(group, 2)
    deadline = time.monotonic() + 30
    before, (first, notes) = usage(group), measure(pid)
    pressed = (group / "cpu.pressure").exists()
    while pressed and not measure(pid)[0].pressure.get("cpu_some") and time.monotonic() < deadline:
        time.sleep(0.5)  # the kernel averages every two seconds
    later, _ = measure(pid)
    assert notes == []
    assert first.version == later.version == 2
    assert first.path is not None
    assert first.path.endswith(group.name)
    assert first.id == group.stat().st_ino
    assert first.cpu_seconds is not None
    assert later.cpu_seconds is not None
    assert before <= first.cpu_seconds < later.cpu_seconds <= usage(group)
    if pressed:
        assert 0 < later.pressure["cpu_some"] <= 1
    assert later.pids == number(group / "pids.current")
    assert later.pids_limit == number(group / "pids.max")
    assert later.memory_limit_bytes == number(group / "memory.max")
    assert (later.memory_bytes is None) == (not (group / "memory.current").exists())


def test_a_group_that_has_groups_below_is_measured_whole(group: Path) -> None:
    """As systemd and docker-in-docker do: the first process moved into a group below its container's."""
    below = [group / name for name in ("init", "other")]
    for each in below:
        each.mkdir()
    there, started = os.pipe()
    first = run(FIRST, str(group), *map(str, hierarchies("cgroup2")), said=started)
    os.read(there, 1)
    os.close(there)
    os.close(started)
    try:
        (below[0] / "cgroup.procs").write_text(str(first))
        for root in hierarchies("cgroup"):
            (root / "cgroup.procs").write_text(str(first))
        spinners(below[1], 1)
        deadline = time.monotonic() + 30
        while usage(below[1]) < 0.2 and time.monotonic() < deadline:
            time.sleep(0.05)
        before, (value, notes), after = usage(group), measure(first), usage(group)
        assert notes == []
        assert value.path is not None
        assert value.path.endswith(f"{group.name}/init")
        assert value.id == below[0].stat().st_ino
        assert value.cpu_seconds is not None
        assert usage(below[0]) < 0.2 < before <= value.cpu_seconds <= after
    finally:
        for each in below:
            for pid in map(int, (each / "cgroup.procs").read_text().split()):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            each.rmdir()


def test_pressure_of_a_group_whose_controllers_are_in_v1(group: Path) -> None:
    """A hybrid machine: limits and use are in v1, pressure is only in v2."""
    memory = [root for root in hierarchies("cgroup") if root.name.startswith("memory")]
    if not memory or not (group / "cpu.pressure").exists():
        pytest.skip("this machine is no hybrid of v1 and v2 with pressure")
    beside = memory[0] / group.name
    beside.mkdir()
    try:
        pid, _ = spinners(group, 2)
        (beside / "cgroup.procs").write_text(str(pid))
        deadline = time.monotonic() + 30
        while not (value := measure(pid)[0]).pressure.get("cpu_some") and time.monotonic() < deadline:
            time.sleep(0.5)
        assert (value.version, value.id) == (1, group.stat().st_ino)
        assert value.memory_bytes is not None
        assert 0 < value.pressure["cpu_some"] <= 1
    finally:
        (memory[0] / "cgroup.procs").write_text(str(pid))
        beside.rmdir()
