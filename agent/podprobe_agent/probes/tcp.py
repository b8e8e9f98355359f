"""Time to connect over TCP: the three-way handshake, done by the kernels, whatever the server is busy with.

How a probe's connection ends is chosen to disturb least. Closing it in order makes the server read an end of file,
as with a kubelet's probe, and leaves a TIME_WAIT socket behind for a minute. Resetting it instead (`SO_LINGER` of 0)
leaves nothing, but many servers log a reset as an error, and the Pod's own reset counters, which findings go by,
would count our probes. So connections are closed in order, up to a number that a port range and a socket table
do not feel; beyond that number, they are reset.

Probes to IPv4 loopback come from an address of their own (`protocol.PROBE_SOURCE`), which marks them for whoever
reads the socket table: podprobe leaves them out of what it shows.
"""

from __future__ import annotations

import errno
import socket
import struct
import time

from podprobe_agent.errors import RefusedError
from podprobe_agent.protocol import PROBE_SOURCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

ORDERLY_CLOSES = 1000
"""Connections of one request that are closed in order; of the kernel's 28,000 ephemeral ports, a small part."""

_RESET = struct.pack("=ii", 1, 0)
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: bind() fixes the address only, connect() chooses the port as ever


def prepare(arguments: dict[str, Any], _: dict[str, int]) -> Callable[[], int]:
    """A probe to ``HOST:PORT`` or ``[V6]:PORT``. A name is resolved now, once.

    Raises:
        RefusedError: that is no such endpoint, or the name does not resolve.
    """
    family, address = resolve(arguments["to"], socket.SOCK_STREAM)
    timeout = send_timeout(float(arguments["timeout"]))
    marked = family == socket.AF_INET and address[0].startswith("127.")
    done = 0

    def measure() -> int:
        nonlocal done
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            # The kernel's own time-out bounds a blocking connect: one system call is all that is timed.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
            if done >= ORDERLY_CLOSES:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if marked:
                bind_marked(sock)
            connect = sock.connect_ex
            clock = time.perf_counter_ns
            start = clock()
            failure = connect(address)
            duration = clock() - start
        done += 1
        if failure:
            raise OSError(failure, errno.errorcode.get(failure, ""))
        return duration

    return measure


def bind_marked(sock: socket.socket) -> None:
    """Have an IPv4 socket to loopback come from the probes' own address (`protocol.PROBE_SOURCE`)."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((PROBE_SOURCE, 0))


def send_timeout(seconds: float) -> bytes:
    """`struct timeval` for SO_SNDTIMEO; at least a millisecond, since 0 would mean for ever."""
    microseconds = max(1000, int(seconds * 1e6))
    return struct.pack("@ll", microseconds // 1_000_000, microseconds % 1_000_000)


def resolve(endpoint: str, kind: int) -> tuple[int, tuple[Any, ...]]:
    """Address family and address of ``HOST:PORT``.

    Raises:
        RefusedError: see `prepare`.
    """
    host, _, port = endpoint.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not port.isdigit() or int(port) > 65535:
        raise RefusedError(f"{endpoint!r} is no HOST:PORT")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, int(port), type=kind)[0]
    except OSError as error:
        raise RefusedError(f"{host!r} does not resolve: {error.strerror or error}") from None
    return family, address
