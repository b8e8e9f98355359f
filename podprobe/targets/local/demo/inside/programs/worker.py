"""`worker`: takes jobs from the queue, reads what `app` shares in memory, and serves the cache on a unix socket."""

from __future__ import annotations

import contextlib
import mmap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .. import sysv
from . import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

_FILES = 16


def run(active: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Work off jobs as they come; each leaves a file in the cache."""
    Path(common.CACHE_SOCKET).unlink(missing_ok=True)
    http.serve_beside(http.listen(common.CACHE_SOCKET), _answer)
    common.wait_for(_ring_exists)
    with common.RING.open("rb") as file:
        ring = mmap.mmap(file.fileno(), common.RING_BYTES, prot=mmap.PROT_READ)
    segment = sysv.attach_segment(common.SEGMENT_KEY, common.SEGMENT_BYTES)
    locks = sysv.semaphores(common.SEMAPHORES_KEY, common.SEMAPHORES)
    threading.Thread(target=_receive_events, daemon=True).start()
    ready()
    jobs = sysv.queue(common.QUEUE_KEY)
    while True:
        job = sysv.receive(jobs)
        sysv.change_semaphore(locks, 0, -1)
        number = int.from_bytes(segment[0:8], "little")
        sysv.change_semaphore(locks, 0, 1)
        _keep(number, job + bytes([ring[number % common.RING_USED_BYTES]]))


def _ring_exists() -> bool:
    return common.RING.exists() and common.RING.stat().st_size == common.RING_BYTES


def _answer(path: str) -> bytes:
    return b"cached\n"


def _keep(number: int, result: bytes) -> None:
    # No room, or no inode left, is one of the faults.
    with contextlib.suppress(OSError):
        (common.CACHE / f"result-{number % _FILES}").write_bytes(result)


def _receive_events() -> None:
    events = sysv.PosixQueue(common.POSIX_QUEUE)
    while True:
        while events.receive() is not None:
            pass
        time.sleep(0.5)
