"""A listener of `worker` is not accepted from: its queue is full, and further connections are dropped. Shows NET107."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET107",)

ADDRESS = ("127.0.0.1", 7003)
BACKLOG = 4


def _never_accept(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS, BACKLOG)
    ready()
    signal.pause()
    listener.close()


def _keep_connecting(ready: Callable[[], None]) -> None:
    # The kernel takes one more than the backlog says.
    waiting = [common.connect_when_there(ADDRESS) for _ in range(BACKLOG + 1)]
    ready()
    while waiting:
        # Dropped, and counted, again and again, until it gives up.
        with socket.socket() as another:
            another.settimeout(2)
            another.connect_ex(ADDRESS)
        time.sleep(0.2)


ACTORS = {"worker": _never_accept, "web": _keep_connecting}
