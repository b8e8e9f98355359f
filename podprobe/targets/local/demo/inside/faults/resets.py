"""`worker` ends connections with a reset instead of closing them. Shows TCP106."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("TCP106",)

ADDRESS = ("127.0.0.1", 7008)
_WARM_UP = 50
_PAUSE_SECONDS = 0.1


def _reset(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS)
    ready()
    while True:
        connection, _ = listener.accept()
        connection.recv(64)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _ask(ready: Callable[[], None]) -> None:
    for count in range(1 << 62):
        with contextlib.suppress(OSError), common.connect_when_there(ADDRESS) as connection:
            connection.sendall(b"question")
            connection.recv(64)
        if count == _WARM_UP:
            ready()
        if count >= _WARM_UP:
            time.sleep(_PAUSE_SECONDS)


ACTORS = {"worker": _reset, "web": _ask}
