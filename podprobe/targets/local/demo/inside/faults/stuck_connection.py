"""A connection stands still: `worker` has stopped reading, `web` cannot send any more. Shows TCP103."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("TCP103",)

ADDRESS = ("127.0.0.1", 7005)
_BUFFER_BYTES = 16 << 10


def _never_read(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    ready()
    connection, _ = listener.accept()
    http.turn_away(listener)
    signal.pause()
    connection.close()


def _send_until_full(ready: Callable[[], None]) -> None:
    connection = common.connect_when_there(ADDRESS)
    connection.settimeout(0.5)
    try:
        while True:
            connection.send(bytes(_BUFFER_BYTES))
    except TimeoutError:
        ready()
    signal.pause()


ACTORS = {"worker": _never_read, "web": _send_until_full}
