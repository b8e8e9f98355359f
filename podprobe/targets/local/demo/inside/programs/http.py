"""As much HTTP/1.1 as the demo's programs speak to each other, over any stream socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BACKLOG = 64


def listen(address: tuple[str, int] | str, backlog: int = _BACKLOG) -> socket.socket:
    """A listening socket: TCP for a host and a port, unix for a path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(backlog)
    return listener


def connect(address: tuple[str, int] | str, timeout: float = 5.0) -> socket.socket:
    """A connected socket."""
    connection = socket.socket(
        socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_STREAM
    )
    connection.settimeout(timeout)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def serve(
    listener: socket.socket,
    answer: Callable[[str], bytes],
    accepted: Callable[[socket.socket], None] | None = None,
) -> None:
    """Answer every request in threads of its own; never returns.

    Args:
        listener: from `listen`.
        answer: path to body.
        accepted: is shown every new connection first.
    """
    while True:
        connection, _ = listener.accept()
        if accepted is not None:
            accepted(connection)
        threading.Thread(target=_converse, args=(connection, answer), daemon=True).start()


def serve_beside(
    listener: socket.socket,
    answer: Callable[[str], bytes],
    accepted: Callable[[socket.socket], None] | None = None,
) -> None:
    """`serve`, in a thread."""
    threading.Thread(target=serve, args=(listener, answer, accepted), daemon=True).start()


def turn_away(listener: socket.socket) -> None:
    """Close whatever else connects, in a thread."""

    def close_all() -> None:
        while True:
            listener.accept()[0].close()

    threading.Thread(target=close_all, daemon=True).start()


def get(connection: socket.socket, path: str, close: bool = False) -> bytes:
    """Send a GET and read its answer's body. The connection can be used again unless `close` is asked for.

    Raises:
        OSError: the connection broke, or nothing came in time.
    """
    header = "close" if close else "keep-alive"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {header}\r\n\r\n".encode())
    head, body = _read_head(connection)
    length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("Content-Length:"))
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError("the answer was cut short")
        body += part
    return body


def _read_head(connection: socket.socket) -> tuple[str, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError("the peer has closed")
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _converse(connection: socket.socket, answer: Callable[[str], bytes]) -> None:
    with connection, contextlib.suppress(OSError):
        while True:
            head, _ = _read_head(connection)
            body = answer(head.split(" ")[1])
            length = f"Content-Length: {len(body)}\r\n"
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{length}\r\n".encode() + body)
            if "Connection: close" in head:
                return
