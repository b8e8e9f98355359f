"""Time to a UDP server's reply, where there is one: a DNS query to port 53, an empty datagram to others."""

from __future__ import annotations

import socket
import time

from podprobe_agent.probes.tcp import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_DNS_PORT = 53
_ROOT_SERVERS = b"pp\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"
"""A query for the name servers of the root, which every DNS server can answer."""


def prepare(arguments: dict[str, Any], _: dict[str, int]) -> Callable[[], int]:
    """A probe to ``HOST:PORT``. No reply in time is `ETIMEDOUT`, a closed port `ECONNREFUSED`.

    Raises:
        RefusedError: that is no such endpoint, or the name does not resolve.
    """
    family, address = resolve(arguments["to"], socket.SOCK_DGRAM)
    timeout = max(0.001, float(arguments["timeout"]))
    datagram = _ROOT_SERVERS if address[1] == _DNS_PORT else b""

    def measure() -> int:
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(timeout)
            # Connected, so that only this server's datagrams and errors reach us.
            sock.connect(address)
            clock = time.perf_counter_ns
            start = clock()
            sock.send(datagram)
            sock.recv(512)
            return clock() - start

    return measure
