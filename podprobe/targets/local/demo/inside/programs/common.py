"""What the programs agree upon: addresses, keys and paths."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import http

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

WEB = ("0.0.0.0", 8080)  # noqa: S104  # reached from outside the Pod
APP = ("127.0.0.1", 5000)
METRICS = ("0.0.0.0", 9090)  # noqa: S104
CACHE_SOCKET = "/run/pod/cache.sock"
SEGMENT_KEY = 0x1234
SEGMENT_BYTES = 1 << 20
SEMAPHORES_KEY = 0x55
SEMAPHORES = 3
QUEUE_KEY = 0x77
RING = Path("/dev/shm/ring")  # POSIX shared memory
RING_BYTES = 4 << 20
RING_USED_BYTES = 2 << 20
POSIX_QUEUE = "/events"
LOGS = Path("/logs")
CACHE = Path("/cache")


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Look ten times a second until a condition holds; false where it does not in time."""
    for _ in range(int(seconds * 10)):
        if condition():
            return True
        time.sleep(0.1)
    return False


def connect_when_there(address: tuple[str, int]) -> socket.socket:
    """Connect to a listener that may not be there yet."""
    for _ in range(100):
        try:
            return http.connect(address)
        except ConnectionRefusedError:
            time.sleep(0.1)
    return http.connect(address)


def log(name: str, line: str) -> None:
    """Append to a log file of the shared volume. Opened each time, so that rotation leaves no deleted file open."""
    try:
        with (LOGS / name).open("a") as file:
            file.write(line + "\n")
    except OSError:
        # A full volume is one of the faults; the program goes on without its log, as real ones do.
        return
