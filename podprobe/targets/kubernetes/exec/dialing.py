"""A socket that reaches the API server, through the proxy if there is one, its TLS done."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from podprobe.targets.kubernetes.exec.relay import relayed

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.kubeconfig import Connection
    from podprobe.targets.kubernetes.proxy import Proxy

_MAX_ANSWER = 64 << 10
_OPTIONS = (
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 30),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 10),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
)
"""Named, since not every system has all of them."""


def dial(connection: Connection, timeout: float) -> socket.socket:
    """Connect; `timeout` seconds for each step, which stays the socket's.

    Raises:
        OSError: it cannot be reached.
    """
    server = urlsplit(connection.server)
    host, port = server.hostname or "", server.port or (443 if server.scheme == "https" else 80)
    if connection.proxy:
        found = _tunnel(connection, connection.proxy, host, port, timeout)
    else:
        found = _direct(host, port, timeout)
    try:
        context = connection.tls.streams
        if context is None:
            return found
        name = connection.server_name or host
        return context.wrap_socket(relayed(found), server_hostname=name)
    except BaseException:
        found.close()
        raise


def _direct(host: str, port: int, timeout: float) -> socket.socket:
    return _tuned(socket.create_connection((host, port), timeout))


def _tunnel(connection: Connection, proxy: Proxy, host: str, port: int, timeout: float) -> socket.socket:
    if proxy.is_socks:
        return _through_socks(proxy, host, port, timeout)
    found = _direct(proxy.host, proxy.port, timeout)
    try:
        if proxy.scheme == "https":
            found = connection.tls.proxy.wrap_socket(found, server_hostname=proxy.host)
        _ask_for(found, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except BaseException:
        found.close()
        raise
    return found


def _through_socks(proxy: Proxy, host: str, port: int, timeout: float) -> socket.socket:
    import socks

    made: socket.socket = socks.create_connection(
        (host, port), timeout, proxy_type=socks.PROXY_TYPE_SOCKS5, proxy_addr=proxy.host, proxy_port=proxy.port,
        proxy_rdns=True, proxy_username=proxy.user, proxy_password=proxy.password or None,
    )  # fmt: skip
    return _tuned(made)


def _ask_for(sock: socket.socket, proxy: Proxy, target: str) -> None:
    """CONNECT, as RFC 9110 has it."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = bytearray()
    # Byte by byte: what follows the empty line belongs to the API server.
    while not answer.endswith(b"\r\n\r\n"):
        part = sock.recv(1)
        if not part or len(answer) > _MAX_ANSWER:
            raise ConnectionError("the proxy ended the connection instead of an answer to CONNECT")
        answer += part
    status = answer.partition(b"\r\n")[0].decode(errors="replace").split(" ", 1)[-1]
    if not status.startswith("2"):
        # The words of http.client, which requests go by.
        raise OSError(f"Tunnel connection failed: {status}")


def _tuned(sock: socket.socket) -> socket.socket:
    for level, name, value in _OPTIONS:
        with contextlib.suppress(AttributeError, OSError):
            sock.setsockopt(level, getattr(socket, name), value)
    return sock
