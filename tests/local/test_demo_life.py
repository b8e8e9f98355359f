"""The demo Pod comes up whole, and goes without a trace, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from podprobe.targets.local.demo import Demo
from tests.local import kernel

pytestmark = pytest.mark.namespaces


def _mounts() -> list[str]:
    """This machine's mounts, by source, that are of the demo's kinds: others may come and go meanwhile."""
    lines = [
        line.partition(" - ")[2].split() for line in Path("/proc/self/mountinfo").read_text().splitlines()
    ]
    return [
        source
        for kind, source, *_ in lines
        if kind == "tmpfs" and source in {"sandbox", "web", "app", "cache"}
    ]


def _alive(namespaces: dict[str, int | None]) -> list[int]:
    """Processes that are still in one of these namespaces."""
    return [
        pid
        for pid in kernel.all_pids()
        if any(kernel.namespace(pid, kind) == number for kind, number in namespaces.items())
    ]


def _outer(pid: int) -> int:
    """The process outside the Pod that made it."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _cgroups(outer: int) -> list[Path]:
    """Control groups of one demo Pod. Others may go while they are listed, which os.walk passes over."""
    return [
        Path(parent, name)
        for parent, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if name.startswith(f"podprobe-demo-{outer}")
    ]


def _namespaces(pid: int) -> dict[str, int | None]:
    return {kind: kernel.namespace(pid, kind) for kind in ("net", "ipc", "uts", "mnt")}


def test_a_healthy_pod_runs_all_its_containers() -> None:
    with Demo(()) as demo:
        containers = kernel.statuses(demo)
        assert set(containers) == {"logger", "web", "app", "worker", "metrics"}
        assert all("running" in one["state"] and one["restartCount"] == 0 for one in containers.values())
        owners = {place: kernel.owner(demo, inode) for place, inode in kernel.listeners(demo).items()}
        assert owners == {"0.0.0.0:8080": "web", "127.0.0.1:5000": "app", "0.0.0.0:9090": "metrics"}


def test_the_containers_share_network_and_ipc_and_nothing_else() -> None:
    with Demo(()) as demo:
        inits = {name: kernel.processes(demo, name)[0] for name in kernel.statuses(demo)}
        for kind in ("net", "ipc", "uts"):
            seen = {kernel.namespace(pid, kind) for pid in inits.values()}
            assert seen == {kernel.namespace(demo.pid, kind)}
            assert seen != {kernel.namespace("self", kind)}
        for kind in ("pid", "mnt"):
            assert len({kernel.namespace(pid, kind) for pid in inits.values()}) == len(inits)
        assert kernel.run_in(demo, "hostname").strip() == "demo"
        for name, pid in inits.items():
            status = Path(f"/proc/{pid}/status").read_text()
            assert status.split("NSpid:")[1].splitlines()[0].split()[-1] == "1", name


def test_the_channels_are_really_used() -> None:
    with Demo(()) as demo:
        segments = {row["key"]: row for row in kernel.sysvipc(demo, "shm")}
        assert segments[0x1234]["size"] == 1 << 20
        assert segments[0x1234]["nattch"] == 2
        assert [row["nsems"] for row in kernel.sysvipc(demo, "sem") if row["key"] == 0x55] == [3]
        (jobs,) = (row for row in kernel.sysvipc(demo, "msg") if row["key"] == 0x77)
        assert kernel.eventually(
            lambda: [row["lrpid"] or row["rtime"] for row in kernel.sysvipc(demo, "msg")] != [0]
        )
        assert jobs["stime"] > 0
        ring = kernel.root_of(demo, "worker") / "dev/shm/ring"
        assert (ring.stat().st_size, ring.stat().st_blocks * 512) == (4 << 20, 2 << 20)
        assert kernel.run_in(demo, "ls", "/dev/mqueue", container="worker").split() == ["events"]
        sockets = Path(f"/proc/{demo.pid}/net/unix").read_text()
        assert sockets.count("/run/pod/cache.sock") >= 2, "the listener and an accepted connection"
        before = kernel.counter(demo, "Tcp:OutSegs")
        assert kernel.eventually(lambda: kernel.counter(demo, "Tcp:OutSegs") > before)


def test_nothing_is_left_of_it() -> None:
    assert _mounts() == []
    before = sorted(Path("/mnt").iterdir())
    with Demo() as demo:
        namespaces, outer = _namespaces(demo.pid), _outer(demo.pid)
        assert len(_alive(namespaces)) > 5
        assert _cgroups(outer) or demo.notes
    assert _alive(namespaces) == []
    assert (_mounts(), _cgroups(outer), sorted(Path("/mnt").iterdir())) == ([], [], before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_it_goes_with_the_command_that_made_it(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "podprobe", "demo", "--healthy", "--keep"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        line = process.stdout.readline()
        pid = int(line.removeprefix("local:"))
        namespaces, outer = _namespaces(pid), _outer(pid)
        assert len(_alive(namespaces)) > 5
        process.send_signal(number)
        try:
            assert process.communicate(timeout=30)[0] == "", "stdout holds the target and nothing else"
        finally:
            process.kill()  # or leaving this block would wait for it
    assert kernel.eventually(lambda: not _alive(namespaces))
    assert kernel.eventually(lambda: not _cgroups(outer))


def test_it_goes_with_its_outer_process() -> None:
    with Demo(()) as demo:
        namespaces = _namespaces(demo.pid)
        outer = _outer(demo.pid)
        os.kill(outer, signal.SIGKILL)
        assert kernel.eventually(lambda: not _alive(namespaces))
    assert _cgroups(outer) == []


def test_without_privileges_it_is_made_in_a_user_namespace() -> None:
    with subprocess.Popen(
        [*kernel.WITHOUT_PRIVILEGES, sys.executable, "-m", "podprobe", "demo", "--keep"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read()
            pid = int(line.removeprefix("local:"))
            assert kernel.namespace(pid, "user") != kernel.namespace("self", "user")
            namespaces = _namespaces(pid)
            assert len(_alive(namespaces)) > 5
        finally:
            process.terminate()
    assert kernel.eventually(lambda: not _alive(namespaces))
