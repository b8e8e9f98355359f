"""A thread's waiting for a CPU, against the clock that counts only its running."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from podprobe_agent.probes.cpu_wait import CpuWait
from podprobe_agent.probes.run import repeat

_WORK_NS = 3_000_000


def _work() -> int:
    """Three milliseconds of a CPU's time; how long that took."""
    began, until = time.perf_counter_ns(), time.thread_time_ns() + _WORK_NS
    while time.thread_time_ns() < until:
        pass
    return time.perf_counter_ns() - began


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="this kernel does not count")
def test_waiting_and_running_make_up_the_time() -> None:
    found: list[tuple[list[int], list[int]]] = []

    def measure() -> None:
        # Two programs want the one CPU that this thread may use.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        rival = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            samples, waits, errors = repeat(_work, 30, 0.001, threading.Event())
        finally:
            rival.kill()
            rival.wait()
        assert not errors
        found.append((samples, waits))

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()
    ((samples, waits),) = found
    assert len(samples) == len(waits) == 30
    assert all(0 <= wait <= took for wait, took in zip(waits, samples, strict=True))
    assert sum(waits) > 10_000_000
    # What is left is the work: no other wait is in it, and none of the work is taken for waiting.
    besides = sum(samples) - sum(waits)
    assert 0.8 * 30 * _WORK_NS < besides < 1.6 * 30 * _WORK_NS


def test_a_kernel_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(os, "open", refuse)
    samples, waits, _ = repeat(lambda: 5, 3, 0.001, threading.Event())
    assert (samples, waits) == ([5, 5, 5], [])
    assert CpuWait().nanoseconds() == 0
