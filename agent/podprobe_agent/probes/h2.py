"""Time to a server's first HTTP/2 frame: whether a port speaks what gRPC is spoken over.

Both sides of an HTTP/2 connection begin with a SETTINGS frame (RFC 9113, 3.4). That much is exchanged, and no request.
"""

from __future__ import annotations

import socket
import time

from podprobe_agent.probes.tcp import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""A frame's header: no payload, type 4, no flags, stream 0."""
_GOAWAY = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + b"\x00" * 8
"""Type 7, last stream 0, no error: an orderly end."""
_HEADER_BYTES = 9
_SETTINGS_TYPE = 4


def prepare(arguments: dict[str, Any], _: dict[str, int]) -> Callable[[], int]:
    """A probe to ``HOST:PORT``. What answers with another protocol is `EPROTO`.

    Raises:
        RefusedError: that is no such endpoint, or its host does not resolve.
    """
    family, address = resolve(arguments["to"], socket.SOCK_STREAM)
    timeout = max(0.001, float(arguments["timeout"]))

    def measure() -> int:
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(timeout)
            clock = time.perf_counter_ns
            deadline = time.monotonic() + timeout
            start = clock()
            sock.connect(address)
            sock.sendall(_PREFACE + _SETTINGS)
            head = b""
            while len(head) < _HEADER_BYTES:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(110, "no answer in time")
                sock.settimeout(left)
                piece = sock.recv(_HEADER_BYTES - len(head))
                if not piece:
                    raise ConnectionResetError(104, "closed without an answer")
                head += piece
            duration = clock() - start
            if head[3] != _SETTINGS_TYPE or head[5:] != b"\x00" * 4:
                raise OSError(71, "no HTTP/2 answer")  # EPROTO
            sock.sendall(_GOAWAY)
        return duration

    return measure
