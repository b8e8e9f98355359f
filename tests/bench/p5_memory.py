"""P5 and P6: what agents cost their Pod in memory and CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil

from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import Demo
from tests.bench.base import Measure, SkippedError
from tests.support.agents import started_here
from tests.support.loopback import Loopback, available
from tests.support.trio import SOCKETS, Trio

MIB = 1 << 20
HOLDER = 'trap "exit 0" TERM; sleep 60 & wait'
"""What an agent at rest is: the shell that the ephemeral container runs."""
LOOKS = 30
SETTLING = 7
"""Looks before CPU time is counted: an agent does some things once, the last of them five seconds after it began."""


def run() -> list[Measure]:
    """A healthy demo Pod; a Pod of three containers and 200 sockets at a look a second; one with 18,000 sockets."""
    reason = available("nsenter")
    if reason:
        raise SkippedError(reason)
    if os.geteuid():
        raise SkippedError("a Pod of three containers is made by root only")
    bare = _bare()
    with Demo(()) as demo:
        small, _, _ = _looked_at(demo.pid, 8)  # a second round of what is asked for every five seconds
    with Trio() as trio:
        _, cpu, agents = _looked_at(trio.pid, LOOKS)
    with Loopback(scenario="holds", connections=9_000, settle=0, own_pids=True) as crowd:
        large, _, _ = _looked_at(crowd.pid, 2)
    rest = _holder()
    resident = "agent, resident: "
    peer = "bare python3"
    return [
        Measure("P5a", resident + "a small Pod", small / MIB, "MiB", peer, bare / MIB, "≤ 16 MiB", small <= 16 * MIB),
        Measure(
            "P5b", resident + "18,000 sockets", large / MIB, "MiB", peer, bare / MIB, "≤ 24 MiB", large <= 24 * MIB
        ),
        Measure("P5c", "agent at rest, PSS", rest / MIB, "MiB", target="≤ 2 MiB", ok=rest <= 2 * MIB),
        Measure(
            "P6", f"agents' CPU at a look a second, {agents} containers, {SOCKETS} sockets", cpu * 100, "%",
            target="≤ 1 %", ok=cpu <= 0.01,
        ),
    ]  # fmt: skip


def _looked_at(pid: int, looks: int) -> tuple[int, float, int]:
    """The largest agent's resident bytes, all agents' share of a CPU at a look a second, and how many there are."""
    with Session(open_local(pid), SessionOptions(active=False, timeout_seconds=60)) as session:
        _look_every_second(session, SETTLING)
        agents = list(started_here())  # what started them has gone
        spent, began = sum(map(_cpu, agents)), time.monotonic()
        _look_every_second(session, looks)
        share = (sum(map(_cpu, agents)) - spent) / (time.monotonic() - began)
        return max(agent.memory_info().rss for agent in agents), share, len(agents)


def _look_every_second(session: Session, looks: int) -> None:
    began = time.monotonic()
    for number in range(looks):
        time.sleep(max(0.0, began + number - time.monotonic()))
        session.look()
    time.sleep(max(0.0, began + looks - time.monotonic()))


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
