"""From a command to a running process with its standard streams connected."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from podprobe.targets.kubernetes.asks import exec_in
from podprobe.targets.kubernetes.exec.stream import ExecStream
from podprobe.targets.kubernetes.failures import refused, unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.targets.kubernetes.api import Api

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


def open_exec(
    api: Api, namespace: str, pod: str, container: str, command: Sequence[str], timeout: float
) -> ExecStream:
    """Start a process with its standard streams connected.

    Raises:
        ApiError: the API server or the kubelet refuses, or does not answer within `timeout` seconds.
    """
    import websocket

    ask = exec_in(namespace, pod)
    query: list[tuple[str, str]] = [("command", word) for word in command]
    query += [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    url = "ws" + api.server.removeprefix("http") + ask.path + "?" + urlencode(query)
    headers = [f"{name}: {value}" for name, value in api.connection.headers()]
    socket_options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]
    handshake: Any = websocket.WebSocket(sslopt=_tls(api), sockopt=socket_options, enable_multithread=False)
    try:
        handshake.connect(
            url, header=headers, subprotocols=list(_PROTOCOLS), suppress_origin=True, timeout=timeout, redirect_limit=0,
            **_proxy(api.connection.configuration),
        )  # fmt: skip
    except websocket.WebSocketBadStatusException as error:
        raise refused(ask, error.status_code, error.resp_body or b"", error.resp_headers or {}) from None
    except (websocket.WebSocketException, OSError) as error:
        raise unreachable(api.server, error, timeout) from None
    return ExecStream(handshake.sock, v5=handshake.subprotocol == _PROTOCOLS[0])


def run(
    api: Api,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    timeout: float,
    limit: int = 65536,
) -> tuple[bytes, str]:
    """Run a short command to its end: what it printed (`limit` bytes at most), and what went wrong, if anything."""
    stream = open_exec(api, namespace, pod, container, command, timeout)
    deadline, output = time.monotonic() + timeout, bytearray()
    try:
        while len(output) < limit and (left := deadline - time.monotonic()) > 0:
            part = stream.read(left)
            if not part:
                break
            output += part
        return bytes(output[:limit]), stream.diagnosis()
    finally:
        stream.close()


def _tls(api: Api) -> dict[str, Any]:
    context = api.connection.tls.streams
    if context is None:
        return {}
    name = api.connection.configuration.tls_server_name
    return {"context": context, "server_hostname": name} if name else {"context": context}


def _proxy(configuration: Any) -> dict[str, Any]:
    from kubernetes.client.rest import should_bypass_proxies

    if not configuration.proxy or should_bypass_proxies(configuration.host, configuration.no_proxy or ""):
        # The same decision as for every other request; websocket-client would read the environment anew.
        return {"http_no_proxy": ["*"]}
    proxy = urlsplit(configuration.proxy)
    options: dict[str, Any] = {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port or (1080 if proxy.scheme.startswith("socks") else 80),
        "proxy_type": proxy.scheme if proxy.scheme.startswith("socks") else "http",
        "http_no_proxy": ["no-host-is-excepted.invalid"],
    }
    if proxy.username:
        options["http_proxy_auth"] = (proxy.username, proxy.password or "")
    return options
