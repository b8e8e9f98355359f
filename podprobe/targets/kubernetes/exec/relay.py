"""TLS within TLS: to an API server through a proxy that speaks TLS itself.

OpenSSL's sockets speak over descriptors, and the outer connection's descriptor carries ciphertext. So the inner one
speaks over a pair of sockets, and a thread carries the bytes between that pair and the outer connection.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading

_CHUNK = 64 << 10


def relayed(outer: socket.socket) -> socket.socket:
    """A socket with a descriptor of its own for what goes over `outer`; `outer` itself where that is no TLS."""
    if not isinstance(outer, ssl.SSLSocket):
        return outer
    ours, theirs = socket.socketpair()
    theirs.settimeout(outer.gettimeout())
    outer.setblocking(False)
    ours.setblocking(False)
    threading.Thread(target=_carry, args=(ours, outer), name="relay", daemon=True).start()
    return theirs


def _carry(plain: socket.socket, outer: ssl.SSLSocket) -> None:
    """Both ways until one end closes. Never holds more than a chunk each way: who does not read, is waited for."""
    inward, outward = b"", b""
    with plain, outer, contextlib.suppress(OSError):
        while True:
            # What could be read or written at once is; only then is there anything to wait for.
            moved = False
            if not outward:
                outward, ended = _read(plain)
                if ended:
                    return
            if not inward:
                inward, ended = _read(outer)
                if ended:
                    _flush(plain, inward)
                    return
            if outward and (sent := _write(outer, outward)):
                outward, moved = outward[sent:], True
            if inward and (sent := _write(plain, inward)):
                inward, moved = inward[sent:], True
            if not moved:
                _wait(plain, outer, inward, outward)


def _read(sock: socket.socket) -> tuple[bytes, bool]:
    """What there is, and whether that was the end."""
    try:
        data = sock.recv(_CHUNK)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
        return b"", False
    return data, not data


def _write(sock: socket.socket, data: bytes) -> int:
    try:
        return sock.send(data)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
        return 0


def _flush(sock: socket.socket, data: bytes) -> None:
    sock.setblocking(True)
    sock.sendall(data)


def _wait(plain: socket.socket, outer: ssl.SSLSocket, inward: bytes, outward: bytes) -> None:
    poller = select.poll()
    # Only what can be gone on with may wake us: there may be no room for more, or nothing to write.
    for sock, held, due in ((plain, outward, inward), (outer, inward, outward)):
        if events := (0 if held else select.POLLIN) | (select.POLLOUT if due else 0):
            poller.register(sock, events)
    poller.poll(1000)
