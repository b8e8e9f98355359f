"""Time to the first byte of an HTTP answer, the connection included, and its status."""

from __future__ import annotations

import os
import socket
import time

from podprobe_agent.errors import RefusedError
from podprobe_agent.probes import unix
from podprobe_agent.probes.tcp import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_MOST_BYTES = 1 << 20
_HEAD_BYTES = 4096


def prepare(arguments: dict[str, Any], statuses: dict[str, int]) -> Callable[[], int]:
    """A probe by ``GET`` of an ``http://`` URL, or of ``http+unix://`` with a socket's path, percent-encoded, for a
    host. Each status that comes is counted in `statuses`.

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
            start = clock()
            sock.connect(address)
            sock.sendall(request)
            head = sock.recv(_HEAD_BYTES)
            duration = clock() - start
            status = _status(sock, head)
            # Read on to its end, within bounds: closing on unread bytes would be a reset.
            _drain(sock, start + int(timeout * 1e9))
        statuses[status] = statuses.get(status, 0) + 1
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


def _status(sock: socket.socket, head: bytes) -> str:
    """`200` and the like of ``HTTP/1.1 200 OK``.

    Raises:
        OSError: the server closed the connection, or speaks something else.
    """
    while head and len(head) < 12:
        more = sock.recv(_HEAD_BYTES)
        if not more:
            break
        head += more
    if not head:
        raise ConnectionResetError(104, "closed without an answer")
    status = head[9:12]
    if not head.startswith(b"HTTP/1.") or not status.isdigit():
        raise OSError(71, "no HTTP answer")  # EPROTO
    return status.decode("ascii")


def _drain(sock: socket.socket, deadline_ns: int) -> None:
    taken = 0
    while taken < _MOST_BYTES and time.perf_counter_ns() < deadline_ns:
        try:
            piece = sock.recv(64 << 10)
        except OSError:
            return
        if not piece:
            return
        taken += len(piece)
