"""`app`: the application. Serves 127.0.0.1:5000; fills the queue, the shared segment and the ring for `worker`."""

from __future__ import annotations

import mmap
import time
from typing import TYPE_CHECKING

from .. import sysv
from ..faults import port_conflict, retransmits, start_race
from . import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_SECONDS = 0.25


def run(active: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Serve, and produce four jobs a second."""
    jobs = sysv.queue(common.QUEUE_KEY)
    events = sysv.PosixQueue(common.POSIX_QUEUE)
    locks = sysv.semaphores(common.SEMAPHORES_KEY, common.SEMAPHORES)
    sysv.set_semaphore(locks, 0, 1)
    segment = sysv.attach_segment(common.SEGMENT_KEY, common.SEGMENT_BYTES)
    ring = _make_ring()
    if start_race.NAME in active:
        time.sleep(start_race.DELAY_SECONDS)
    accepted = retransmits.spoil if retransmits.NAME in active else None
    # Before the port that `metrics` waits for: it always loses the race.
    if port_conflict.NAME in active:
        http.serve_beside(http.listen(common.METRICS), _answer)
    http.serve_beside(http.listen(common.APP), _answer, accepted)
    ready()
    number = 0
    while True:
        number += 1
        sysv.send(jobs, f"job {number}".encode())
        events.send(f"event {number}".encode())
        sysv.change_semaphore(locks, 0, -1)
        segment[0:8] = number.to_bytes(8, "little")
        sysv.change_semaphore(locks, 0, 1)
        ring[number % common.RING_USED_BYTES] = number % 256
        if number % 4 == 0:
            common.log("app.log", f"{number} jobs")
        time.sleep(_PAUSE_SECONDS)


def _answer(path: str) -> bytes:
    return b"jobs_total 1\n" if path == "/metrics" else f"answer to {path}\n".encode() * 16


def _make_ring() -> mmap.mmap:
    with common.RING.open("w+b") as file:
        file.truncate(common.RING_BYTES)
        ring = mmap.mmap(file.fileno(), common.RING_BYTES)
    ring[0 : common.RING_USED_BYTES] = bytes(common.RING_USED_BYTES)
    return ring
