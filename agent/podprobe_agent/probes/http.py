"""Time to the first byte of an HTTP answer, the connection included, and its status.

Success is what the kubelet takes for one: an answer with all its headers, and a body that comes in time.
"""

from __future__ import annotations

import os
import socket
import time

from podprobe_agent import http1
from podprobe_agent.errors import RefusedError
from podprobe_agent.probes import unix
from podprobe_agent.probes.tcp import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_BODY_BYTES = 10 << 10
"""Of the body, the kubelet reads this much within its time-out (`maxRespBodyLength`)."""
_MOST_BYTES = 1 << 20
_WHOLE_SECONDS = 0.05
"""After a whole answer: how long a server may take to close, as it is asked to."""


def prepare(arguments: dict[str, Any], statuses: dict[str, int]) -> Callable[[], int]:
    """A probe by ``GET`` of an ``http://`` URL, or of ``http+unix://`` with a socket's path, percent-encoded, for a
    host. Each status that comes is counted in `statuses`.

    The time-out is for all of it: connection, headers, and the first 10 KiB of the body.

    Raises:
        RefusedError: that is no such URL, its host does not resolve, or the socket's files are out of reach.
    """
    endpoint, request = parse(arguments["to"])
    family: int
    address: Any
    if endpoint.startswith(("/", "@")):
        family, address = socket.AF_UNIX, unix.reachable(endpoint, int(arguments.get("root_pid", 1)))
    else:
        family, address = resolve(endpoint, socket.SOCK_STREAM)
    timeout = max(0.001, float(arguments["timeout"]))

    def measure() -> int:
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(timeout)
            clock = time.perf_counter_ns
            deadline = time.monotonic() + timeout
            incoming = http1.incoming_of(sock, deadline, _BODY_BYTES)
            start = clock()
            sock.connect(address)
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.sendall(request)
            incoming.more()
            duration = clock() - start
            # The first byte is what is timed, but no answer before there is all of it that the kubelet would read.
            answer = http1.read(sock, deadline, _BODY_BYTES, incoming)
            _drain(sock, min(deadline, time.monotonic() + _WHOLE_SECONDS) if answer.whole else deadline)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        return duration

    return measure


def parse(url: str) -> tuple[str, bytes]:
    """Endpoint and request of a URL.

    Raises:
        RefusedError: its scheme is not http, or it holds what would break the request.
    """
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if scheme not in ("http", "http+unix") or not authority or "@" in authority:
        raise RefusedError(f"{url!r} is no http:// URL; https is measured as tcp")
    try:
        authority.encode("ascii")
        target = (slash + path).encode("ascii") or b"/"
    except UnicodeEncodeError:
        raise RefusedError(f"{url!r} is not percent-encoded") from None
    if any(byte <= 0x20 or byte == 0x7F for byte in target + authority.encode()):
        raise RefusedError(f"{url!r} is not percent-encoded")
    place = _unquoted(authority) if scheme == "http+unix" else ""
    if place:
        authority = "localhost"
    has_port = authority.rpartition("]")[2].count(":") == 1
    request = (
        b"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: podprobe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        % (target.partition(b"#")[0], authority.encode())
    )
    return place or (authority if has_port else f"{authority}:80"), request


def _unquoted(host: str) -> str:
    """The path that a host is made of: ``%2Frun%2Fapp.sock``.

    Raises:
        RefusedError: it is no path of a socket.
    """
    first, *rest = host.encode("ascii").split(b"%")
    try:
        path = os.fsdecode(first + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest))
    except ValueError:
        raise RefusedError(f"{host!r} is not percent-encoded") from None
    if not path.startswith(("/", "@")) or "\0" in path:
        raise RefusedError(f"{path!r} is no path of a unix socket")
    return path


def _drain(sock: socket.socket, deadline: float) -> None:
    """Read on to the end of the stream, within bounds: closing on unread bytes would be a reset."""
    taken = 0
    while taken < _MOST_BYTES and (left := deadline - time.monotonic()) > 0:
        try:
            sock.settimeout(left)
            piece = sock.recv(64 << 10)
        except OSError:
            return
        if not piece:
            return
        taken += len(piece)
