"""P5 and P6: what an agent costs its Pod in memory and CPU."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from tests.bench.base import Measure, SkippedError
from tests.support.loopback import Loopback, available

MIB = 1 << 20
HOLDER = 'trap "exit 0" TERM; sleep 60 & wait'
"""What an agent at rest is: the shell that the ephemeral container runs."""
LOOKS = 15


def run() -> list[Measure]:
    """A whole look at a small Pod and at one with 18,000 sockets; the shell that stays; CPU at a look a second."""
    reason = available("nsenter")
    if reason:
        raise SkippedError(reason)
    bare = _bare()
    small, cpu = _agent(100, LOOKS)
    large, _ = _agent(9_000, 2)
    rest = _holder()
    resident = "agent, resident: "
    peer = "bare python3"
    return [
        Measure("P5a", resident + "a small Pod", small / MIB, "MiB", peer, bare / MIB, "≤ 16 MiB", small <= 16 * MIB),
        Measure("P5b", resident + "18,000 sockets", large / MIB, "MiB", peer, bare / MIB, "≤ 24 MiB",
                large <= 24 * MIB),
        Measure("P5c", "agent at rest, PSS", rest / MIB, "MiB", target="≤ 2 MiB", ok=rest <= 2 * MIB),
        Measure(
            "P6", "CPU of one agent at a look a second, 200 sockets", cpu * 100, "%", target="≤ 1 % for three",
            ok=3 * cpu <= 0.01,
        ),
    ]  # fmt: skip


def _agent(connections: int, looks: int) -> tuple[int, float]:
    """The agent's resident bytes after a few looks, and its share of a CPU while looking once a second."""
    with Loopback(scenario="holds", connections=connections, settle=0, own_pids=True) as crowd:
        before = set(_descendants())
        with Session(open_local(crowd.pid), SessionOptions(active=False, timeout_seconds=60)) as session:
            session.look()
            session.look()
            agents = [process for process in _descendants() if process not in before and _is_python(process)]
            if len(agents) != 1:
                raise SkippedError(f"{len(agents)} processes look like the agent")
            spent, began = _cpu(agents[0]), time.monotonic()
            for number in range(looks):
                time.sleep(max(0.0, began + number - time.monotonic()))
                session.look()
            time.sleep(max(0.0, began + looks - time.monotonic()))
            share = (_cpu(agents[0]) - spent) / (time.monotonic() - began)
            return agents[0].memory_info().rss, share


def _descendants() -> list[psutil.Process]:
    return list(psutil.Process().children(recursive=True))


def _is_python(process: psutil.Process) -> bool:
    return Path(process.exe()).resolve() == Path(sys.executable).resolve() and not process.children()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _bare() -> int:
    program = "print(next(line for line in open('/proc/self/status') if 'VmRSS' in line).split()[1])"
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return int(said) * 1024


def _holder() -> int:
    shell = subprocess.Popen(["sh", "-c", HOLDER])
    try:
        time.sleep(0.3)
        people = [psutil.Process(shell.pid), *psutil.Process(shell.pid).children()]
        return sum(process.memory_full_info().pss for process in people)
    finally:
        for child in psutil.Process(shell.pid).children():
            child.terminate()
        shell.terminate()
        shell.wait()
