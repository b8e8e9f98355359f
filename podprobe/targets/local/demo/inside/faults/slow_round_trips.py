"""ACKs are delayed, and some segments lost, on a connection from `web` to `worker`. Shows TCP104 and TCP101.

`web` sends small pieces; `worker` neither answers nor hurries to read.
The kernel holds an acknowledgement back for 40 ms in the hope of an answer to carry it: that is then the round-trip
time of a connection within one machine.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..programs import common, http
from . import retransmits

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("TCP104", "TCP101")

ADDRESS = ("127.0.0.1", 7006)
SHARE = 1 / 12
_PAUSE_SECONDS = 0.06
_READ_SECONDS = 2.0
_WARM_UP = 40


def _listen(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS)
    ready()
    connection, _ = listener.accept()
    retransmits.spoil(connection, SHARE)
    http.turn_away(listener)
    while connection.recv(4096):
        time.sleep(_READ_SECONDS)


def _trickle(ready: Callable[[], None]) -> None:
    connection = common.connect_when_there(ADDRESS)
    for count in range(1 << 62):
        connection.sendall(b"piece")
        time.sleep(_PAUSE_SECONDS)
        if count == _WARM_UP:
            ready()


ACTORS = {"worker": _listen, "web": _trickle}
