"""The backlog of a unix socket of `worker` is full: nobody accepts. Shows NET110."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET110",)

PATH = "/run/pod/slow.sock"
BACKLOG = 2


def _never_accept(ready: Callable[[], None]) -> None:
    listener = http.listen(PATH, BACKLOG)
    ready()
    signal.pause()
    listener.close()


def _fill(ready: Callable[[], None]) -> None:
    common.wait_for(Path(PATH).exists)
    waiting = []
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        if connection.connect_ex(PATH) == 0:
            waiting.append(connection)
        elif waiting:
            break
        else:  # bound, but not yet listening
            connection.close()
    ready()
    signal.pause()


ACTORS = {"worker": _never_accept, "web": _fill}
