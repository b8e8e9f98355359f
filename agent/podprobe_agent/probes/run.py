"""Runs one active probe: prepares it, then measures so many times, spaced, and sends the samples."""

from __future__ import annotations

import errno
import importlib
import time

from podprobe_agent import protocol
from podprobe_agent.errors import RefusedError
from podprobe_agent.probes.cpu_wait import CpuWait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Event
    from typing import Any, Callable

    from podprobe_agent.output import Output

    Measure = Callable[[], int]
    """Probe once; returns nanoseconds, raises OSError where the probe fails."""

KINDS = {"tcp": "tcp", "unix": "unix", "http": "http", "udp": "udp", "h2": "h2"}
"""Kind to the module whose `prepare(to, timeout, arguments)` makes its `Measure`."""

MOST = 100_000
LEAST_INTERVAL = 0.001
"""Seconds. An active probe is not to become a load."""


def run(arguments: dict[str, Any], request: int, output: Output, cancelled: Event) -> None:
    """Answer ``{"verb": "probe", "kind": ..., "to": ..., "count": ..., "interval": ..., "timeout": ...}``.

    The answer is one part of area `probe` (`podprobe.agents.answers.ProbeAnswer`): the duration of each success
    in nanoseconds, how much of each the probe itself waited for a CPU, and how often each error and each HTTP status
    came.
    """
    started = time.monotonic()
    taken_at = time.time()
    kind = arguments["kind"]
    if kind not in KINDS:
        raise RefusedError(f"there is no probe of kind {kind!r}")
    module = importlib.import_module(f"podprobe_agent.probes.{KINDS[kind]}")
    statuses: dict[str, int] = {}
    measure: Measure = module.prepare(arguments, statuses)
    samples, waits, errors = repeat(
        measure,
        count=min(int(arguments["count"]), MOST),
        interval=max(float(arguments["interval"]), LEAST_INTERVAL),
        cancelled=cancelled,
    )
    value = {"samples_ns": samples, "waits_ns": waits, "errors": errors, "statuses": statuses}
    output.send_json(protocol.PART, request, {"area": "probe", "value": value})
    duration = int((time.monotonic() - started) * 1e6)
    output.send_json(protocol.END, request, {"visibility": [], "duration_us": duration, "taken_at": taken_at})


def repeat(
    measure: Measure, count: int, interval: float, cancelled: Event
) -> tuple[list[int], list[int], dict[str, int]]:
    """Measure `count` times, `interval` seconds from the beginning of one to that of the next.

    Returns:
        The durations in nanoseconds; how much of each this thread was runnable and had no CPU (an empty list where
        the kernel does not tell); and the failures by the name of their errno.
    """
    samples: list[int] = []
    waits: list[int] = []
    waiting = CpuWait()
    errors: dict[str, int] = {}
    due = time.monotonic()
    for _ in range(count):
        if cancelled.wait(max(0.0, due - time.monotonic())):
            break
        # What is overdue is not made up for: after a slow one the next keeps its distance.
        due = max(due, time.monotonic()) + interval
        before = waiting.nanoseconds()
        try:
            duration = measure()
        except OSError as error:
            name = errno_name(error)
            errors[name] = errors.get(name, 0) + 1
            continue
        samples.append(duration)
        # What is read covers a little more than what is timed.
        waits.append(min(duration, waiting.nanoseconds() - before))
    known = waiting.nanoseconds() > 0
    waiting.close()
    return samples, waits if known else [], errors


def errno_name(error: OSError) -> str:
    """`ECONNREFUSED` and the like; a time-out by whatever way is `ETIMEDOUT`."""
    # Until Python 3.9, socket.timeout is a class of its own.
    timed_out = isinstance(error, TimeoutError) or type(error).__name__ == "timeout"
    if timed_out or error.errno in (errno.EINPROGRESS, errno.EAGAIN):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
