"""ACKs are delayed, and some segments lost, on a connection from `web` to `worker`. Shows TCP104 and TCP101.

`web` sends small pieces; `worker` neither answers nor hurries to read.
The kernel holds an acknowledgement back for 40 ms in the hope of an answer to carry it: that is then the round-trip
time of a connection within one machine. After a loss it hurries for a while, so segments are lost in bouts.
"""

from __future__ import annotations

import itertools
import socket
import struct
import time
from typing import TYPE_CHECKING

from ..programs import common, http
from . import retransmits

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("TCP104", "TCP101")

ADDRESS = ("127.0.0.1", 7006)
SHARE = 1 / 3
_BOUT_SECONDS = 2.0
_BETWEEN_SECONDS = 60.0
_PAUSE_SECONDS = 0.06
_SLOW_US = 20_000
_LOST = 4
_MOST_WARM_UP = 250
_RTT_AT, _TOTAL_RETRANS_AT = 68, 100
"""Of tcp_info."""


def _listen(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS)
    ready()
    connection, _ = listener.accept()
    http.turn_away(listener)
    while True:
        retransmits.spoil(connection, SHARE)
        time.sleep(_BOUT_SECONDS)
        retransmits.repair(connection)
        end = time.monotonic() + _BETWEEN_SECONDS
        while time.monotonic() < end:
            connection.recv(4096)
            time.sleep(_BOUT_SECONDS)


def _trickle(ready: Callable[[], None]) -> None:
    connection = common.connect_when_there(ADDRESS)
    told = False
    for count in itertools.count():
        connection.sendall(b"piece")
        time.sleep(_PAUSE_SECONDS)
        if not told and (_there(connection) or count == _MOST_WARM_UP):
            told = True
            ready()


def _there(connection: socket.socket) -> bool:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TOTAL_RETRANS_AT + 4)
    rtt, lost = (struct.unpack_from("I", info, at)[0] for at in (_RTT_AT, _TOTAL_RETRANS_AT))
    return bool(rtt > _SLOW_US and lost >= _LOST)


ACTORS = {"worker": _listen, "web": _trickle}
