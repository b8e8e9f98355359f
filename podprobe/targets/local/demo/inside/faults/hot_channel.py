"""`app` sends `web` more than 100 MiB a second over loopback. Shows TCP107.

The one fault that costs: some ten percent of a processor.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("TCP107",)

ADDRESS = ("127.0.0.1", 7009)
_PIECE_BYTES = 4 << 20
_PIECES_PER_SECOND = 40


def _pour(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS)
    ready()
    connection, _ = listener.accept()
    http.turn_away(listener)
    piece = bytes(_PIECE_BYTES)
    due = time.monotonic()
    while True:
        connection.sendall(piece)
        due = max(due + 1 / _PIECES_PER_SECOND, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))


def _drink(ready: Callable[[], None]) -> None:
    connection = common.connect_when_there(ADDRESS)
    buffer = bytearray(_PIECE_BYTES)
    ready()
    while connection.recv_into(buffer):
        pass


ACTORS = {"app": _pour, "web": _drink}
