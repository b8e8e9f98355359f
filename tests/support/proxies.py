"""Small real proxies: CONNECT and forwarding over HTTP with a password, and SOCKS 5 with one."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

USER, PASSWORD = "jane", "p@ss:w"


class _Handler(socketserver.BaseRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            if self.server.socks:
                self._socks()
            else:
                self._http()

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.request.recv(count - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def _http(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._take(1)
        line, *headers = head.decode().split("\r\n")
        self.server.asked.append(line)
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        said = {name.lower(): value for name, _, value in (one.partition(": ") for one in headers)}
        if said.get("proxy-authorization") != f"Basic {expected}":
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = line.split()
        rest = b""
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            host, _, port = target.split("/")[2].rpartition(":")
            rest = head
        with socket.create_connection((host.strip("[]"), int(port))) as far:
            far.sendall(rest)
            self._carry(far)

    def _socks(self) -> None:
        _, count = self._take(2)
        methods = self._take(count)
        if 2 not in methods:
            self.server.asked.append("no password")
            self.request.sendall(b"\x05\xff")
            return
        self.request.sendall(b"\x05\x02")
        user = self._take(self._take(2)[1]).decode()
        password = self._take(self._take(1)[0]).decode()
        right = (user, password) == (USER, PASSWORD)
        self.request.sendall(b"\x01\x00" if right else b"\x01\x01")
        if not right:
            return
        kind = self._take(4)[3]
        host = self._take(self._take(1)[0]).decode() if kind == 3 else socket.inet_ntoa(self._take(4))
        (port,) = struct.unpack("!H", self._take(2))
        self.server.asked.append(f"{host}:{port}")
        # The name is resolved here: `inner.test` is known to nobody else.
        with socket.create_connection(("127.0.0.1" if host == "inner.test" else host, port)) as far:
            self.request.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            self._carry(far)

    def _carry(self, far: socket.socket) -> None:
        near = self.request
        while True:
            pending = getattr(near, "pending", lambda: 0)()
            ready = [near] if pending else select.select([near, far], [], [], 10)[0]
            if not ready:
                return
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                (far if one is near else near).sendall(data)


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, socks: bool, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socks = socks
        self.tls = tls
        self.asked: list[str] = []

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        return (self.tls.wrap_socket(sock, server_side=True) if self.tls else sock), address

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextlib.contextmanager
def proxy(*, socks: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[_Proxy]:
    """A proxy that lets through who says USER and PASSWORD; `asked` tells for what."""
    with _Proxy(socks, tls) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()
