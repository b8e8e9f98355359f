"""Each fault is really there, by the kernel's own word."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe.targets.local.demo import DEFAULT, Demo, faults
from podprobe.targets.local.demo.inside import faults as inside
from tests.local import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.namespaces


def _retransmits(demo: Demo) -> bool:
    return any("retrans:" in line for line in kernel.tcp_details(demo, "dport = :5000"))


def _port_conflict(demo: Demo) -> bool:
    metrics = kernel.statuses(demo)["metrics"]
    return (
        kernel.owner(demo, kernel.listeners(demo)["0.0.0.0:9090"]) == "app"
        and metrics["restartCount"] > 0
        and "Address already in use" in metrics["lastState"]["terminated"]["message"]
        and _declared(demo, 9090) == ["app", "metrics"]
    )


def _declared(demo: Demo, port: int) -> list[str]:
    specs = kernel.pod_json(demo)["spec"]["containers"]
    return [spec["name"] for spec in specs if port in [one["containerPort"] for one in spec.get("ports", [])]]


def _missing_listener(demo: Demo) -> bool:
    return _declared(demo, 7001) == ["app"] and not any(
        place.endswith(":7001") for place in kernel.listeners(demo)
    )


def _undeclared_listener(demo: Demo) -> bool:
    return (
        not _declared(demo, 6060) and kernel.owner(demo, kernel.listeners(demo)["0.0.0.0:6060"]) == "worker"
    )


def _wide_listener(demo: Demo) -> bool:
    remotes = {
        peer for local, peer, state in kernel.connections(demo) if local.endswith(":7002") and state == "01"
    }
    return "0.0.0.0:7002" in kernel.listeners(demo) and {peer.split(":")[0] for peer in remotes} == {
        "127.0.0.1"
    }


def _loopback_probe(demo: Demo) -> bool:
    app = next(spec for spec in kernel.pod_json(demo)["spec"]["containers"] if spec["name"] == "app")
    return app["readinessProbe"]["httpGet"]["port"] == "api" and "127.0.0.1:5000" in kernel.listeners(demo)


def _ipv6_localhost(demo: Demo) -> bool:
    first = kernel.run_in(demo, "getent", "ahosts", "localhost", container="web").split()[0]
    return first == "::1" and "127.0.0.1:5000" in kernel.listeners(demo)


def _accept_queue_full(demo: Demo) -> bool:
    queued, limit = kernel.backlog(demo, 7003)
    return queued > limit and kernel.counter(demo, "TcpExt:ListenDrops") > 0


def _close_wait(demo: Demo) -> bool:
    states = [state for _, peer, state in kernel.connections(demo) if peer == "127.0.0.1:5000"]
    return states.count("08") >= 60


def _ephemeral_ports(demo: Demo) -> bool:
    low, high = map(
        int, kernel.run_in(demo, "cat", "/proc/sys/net/ipv4/ip_local_port_range", container="web").split()
    )
    used = sum(peer == "127.0.0.1:7004" for _, peer, _ in kernel.connections(demo))
    return used / (high - low + 1) > 0.85


def _unix_backlog(demo: Demo) -> bool:
    lines = [line.split() for line in kernel.run_in(demo, "ss", "-xlH").splitlines()]
    return any(fields[4] == "/run/pod/slow.sock" and int(fields[2]) > int(fields[3]) == 2 for fields in lines)


def _outside_retransmits(demo: Demo) -> bool:
    return any("retrans" in line for line in kernel.tcp_details(demo, "sport = :8080"))


def _stuck_connection(demo: Demo) -> bool:
    queued = [
        int(line.split()[2]) for line in kernel.run_in(demo, "ss", "-tnH", "dport = :7005").splitlines()
    ]
    return (
        len(queued) == 1
        and queued[0] > 0
        and "timer:(persist" in kernel.run_in(demo, "ss", "-tnoH", "dport = :7005")
    )


def _slow_round_trips(demo: Demo) -> bool:
    (details,) = kernel.tcp_details(demo, "dport = :7006")
    return float(details.partition(" rtt:")[2].partition("/")[0]) > 10


def _slow_connects(demo: Demo) -> bool:
    """Of sixteen connects that do not wait, some have not been made a tenth of a second later."""
    code = (
        "import socket, time\n"
        "made = [socket.socket() for _ in range(16)]\n"
        "for one in made: one.setblocking(False); one.connect_ex(('127.0.0.1', 7007))\n"
        "time.sleep(0.1)\n"
        "def there(one):\n"
        "    try: return bool(one.getpeername())\n"
        "    except OSError: return False\n"
        "print(sum(map(there, made)))\n"
    )
    there = int(kernel.run_in(demo, kernel.PYTHON, "-I", "-S", "-c", code))
    return "127.0.0.1:7007" in kernel.listeners(demo) and there < 16


def _resets(demo: Demo) -> bool:
    before = kernel.counter(demo, "Tcp:EstabResets")
    return bool(kernel.eventually(lambda: kernel.counter(demo, "Tcp:EstabResets") > before))


def _hot_channel(demo: Demo) -> bool:
    def received() -> int:
        (details,) = kernel.tcp_details(demo, "dport = :7009")
        return int(details.partition("bytes_received:")[2].split()[0])

    before, start = received(), time.monotonic()
    time.sleep(2)
    return (received() - before) / (time.monotonic() - start) > 100 << 20


def _leaked_segment(demo: Demo) -> bool:
    (segment,) = (row for row in kernel.sysvipc(demo, "shm") if row["key"] == 0xDEAD)
    creator_lives = Path(f"/proc/{segment['cpid']}").exists()
    return segment["nattch"] == 0 and segment["size"] == 8 << 20 and not creator_lives


def _dev_shm_full(demo: Demo) -> bool:
    return _dev_shm_is_full(demo) and _largest_name(demo) > 50 << 20


def _dev_shm_unlinked(demo: Demo) -> bool:
    return _dev_shm_is_full(demo) and _largest_name(demo) < 8 << 20


def _dev_shm_is_full(demo: Demo) -> bool:
    shm = os.statvfs(kernel.root_of(demo, "web") / "dev/shm")
    return shm.f_blocks * shm.f_frsize == 64 << 20 and shm.f_bavail / shm.f_blocks < 0.05


def _largest_name(demo: Demo) -> int:
    return max(
        (file.stat().st_size for file in (kernel.root_of(demo, "web") / "dev/shm").iterdir()), default=0
    )


def _queue_stuck(demo: Demo) -> bool:
    (queue,) = (row for row in kernel.sysvipc(demo, "msg") if row["key"] == 0x78)
    msgmnb = int(kernel.run_in(demo, "cat", "/proc/sys/kernel/msgmnb", container="app"))
    return queue["cbytes"] >= 0.9 * msgmnb and queue["rtime"] == 0


def _semaphore_wait(demo: Demo) -> bool:
    waiting = [
        Path(f"/proc/{pid}/syscall").read_text().split()[0] for pid in kernel.processes(demo, "worker")
    ]
    return bool({"65", "64", "220", "192"} & set(waiting)) and any(
        row["key"] == 0x56 for row in kernel.sysvipc(demo, "sem")
    )


def _ipc_limits(demo: Demo) -> bool:
    limit = int(kernel.run_in(demo, "cat", "/proc/sys/kernel/shmmni", container="worker"))
    return limit == 8 and len(kernel.sysvipc(demo, "shm")) / limit >= 0.8


def _posix_queue_full(demo: Demo) -> bool:
    return "QSIZE:20 " in kernel.run_in(demo, "cat", "/dev/mqueue/stuck", container="app")


def _cache(demo: Demo) -> os.statvfs_result:
    return os.statvfs(kernel.root_of(demo, "worker") / "cache")


def _bytes_full(demo: Demo) -> bool:
    return _cache(demo).f_bavail / _cache(demo).f_blocks < 0.05


def _inodes_full(demo: Demo) -> bool:
    cache = _cache(demo)
    return (
        cache.f_files == 200
        and cache.f_favail / cache.f_files < 0.1
        and cache.f_bavail / cache.f_blocks > 0.5
    )


def _size_limit(demo: Demo) -> bool:
    cache = _cache(demo)
    used = (cache.f_blocks - cache.f_bfree) * cache.f_frsize
    return used / (8 << 20) > 0.95 and cache.f_bavail / cache.f_blocks > 0.5


def _volume(demo: Demo, name: str) -> dict[str, str]:
    volumes = kernel.pod_json(demo)["spec"]["volumes"]
    empty_dir: dict[str, str] = next(one for one in volumes if one["name"] == name)["emptyDir"]
    return empty_dir


def _no_size_limit(demo: Demo) -> bool:
    return "sizeLimit" not in _volume(demo, "cache")


def _memory_volume(demo: Demo) -> bool:
    return _volume(demo, "cache")["medium"] == "Memory"


def _deleted_file(demo: Demo) -> bool:
    for pid in kernel.processes(demo, "logger"):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            if str(fd.readlink()).endswith("big.old (deleted)"):
                return fd.stat().st_nlink == 0 and fd.stat().st_blocks * 512 >= 64 << 20
    return False


def _lock_wait(demo: Demo) -> bool:
    inode = (kernel.root_of(demo, "logger") / "logs/rotate.lock").stat().st_ino
    return any("->" in line and f":{inode} " in line for line in Path("/proc/locks").read_text().splitlines())


def _zombies(demo: Demo) -> bool:
    states = kernel.run_in(demo, "sh", "-c", "cat /proc/[0-9]*/stat", container="worker").splitlines()
    return sum(line.rpartition(")")[2].split()[0] == "Z" for line in states) == 12


def _shared_pids(demo: Demo) -> bool:
    inits = [kernel.processes(demo, name)[0] for name in kernel.statuses(demo)]
    return {kernel.namespace(pid, "pid") for pid in inits} == {kernel.namespace(demo.pid, "pid")}


def _unlimited_sibling(demo: Demo) -> bool:
    limited = [spec["name"] for spec in kernel.pod_json(demo)["spec"]["containers"] if spec.get("resources")]
    return limited == ["app"]


def _pids_near_limit(demo: Demo) -> bool:
    current, limit = (
        int(kernel.cgroup_file(demo, "worker", "pids", name)) for name in ("pids.current", "pids.max")
    )
    return limit == 50 and 45 <= current < limit


def _cpu_throttled(demo: Demo) -> bool:
    words = kernel.cgroup_file(demo, "worker", "cpu", "cpu.stat").split()
    numbers = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return numbers["nr_throttled"] > 0.5 * numbers["nr_periods"] > 1


def _memory_near_limit(demo: Demo) -> bool:
    names = ("memory.current", "memory.max"), ("memory.usage_in_bytes", "memory.limit_in_bytes")
    current, limit = (
        int(kernel.cgroup_file(demo, "worker", "memory", *pair)) for pair in zip(*names, strict=True)
    )
    return limit == 64 << 20 and current / limit > 0.85


def _oom_kill(demo: Demo) -> bool:
    words = kernel.cgroup_file(demo, "worker", "memory", "memory.events", "memory.oom_control").split()
    return int(words[words.index("oom_kill") + 1]) > 0


def _start_race(demo: Demo) -> bool:
    metrics = kernel.statuses(demo)["metrics"]
    return (
        metrics["restartCount"] > 0 and "Connection refused" in metrics["lastState"]["terminated"]["message"]
    )


_ASK = "import socket; print(socket.getaddrinfo('kubernetes.default.svc', 443)[0][4])"


def _dns_failing(demo: Demo) -> bool:
    settings = (kernel.root_of(demo, "web") / "etc/resolv.conf").read_text()
    with pytest.raises(subprocess.CalledProcessError, match="returned non-zero"):
        kernel.run_in(demo, kernel.PYTHON, "-I", "-c", _ASK, container="web")
    return "nameserver 127.0.0.1\n" in settings


def _dns_slow(demo: Demo) -> bool:
    start = time.monotonic()
    answer = kernel.run_in(demo, kernel.PYTHON, "-I", "-c", _ASK, container="web")
    # Two names of the search list do not exist, the third one does; each takes its time.
    return "10.96.0.1" in answer and time.monotonic() - start > 1.5


CHECKS: dict[str, Callable[[Demo], bool]] = {
    name.removeprefix("_").replace("_", "-"): function
    for name, function in list(globals().items())
    if name.removeprefix("_").replace("_", "-") in inside.NAMES
}


@pytest.mark.parametrize("name", inside.NAMES)
def test_a_fault_is_real_and_alone(name: str) -> None:
    with kernel.demo_with(name) as demo:
        assert kernel.eventually(lambda: CHECKS[name](demo)), name
        others = [other for other in DEFAULT if other != name]
        assert [other for other in others if _quietly(CHECKS[other], demo)] == []


def _quietly(check: Callable[[Demo], bool], demo: Demo) -> bool:
    """A check that looks for what is not there may well fail."""
    try:
        return check(demo)
    except (LookupError, ValueError, StopIteration, OSError, AssertionError, subprocess.CalledProcessError):
        return False


def test_a_healthy_pod_has_none() -> None:
    # Faults that lie in what is declared or in the absence of something are seen by their opposite.
    with Demo(()) as demo:
        assert [name for name, check in CHECKS.items() if name != "resets" and _quietly(check, demo)] == []


def test_every_fault_says_what_it_is() -> None:
    for fault in faults():
        assert fault.findings, fault.name
        assert fault.summary.endswith(".")
        assert "Shows" not in fault.summary
