"""From a command to a running process with its standard streams connected."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import websocket

from podprobe.targets.kubernetes.asks import exec_in
from podprobe.targets.kubernetes.exec.dialing import dial
from podprobe.targets.kubernetes.exec.stream import ExecStream
from podprobe.targets.kubernetes.failures import refused

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
    ask = exec_in(namespace, pod)
    query: list[tuple[str, str]] = [("command", word) for word in command]
    query += [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    url = "ws" + api.server.removeprefix("http") + ask.path + "?" + urlencode(query)
    renewed = False
    while True:
        asked = time.monotonic()
        headers = [f"{name}: {value}" for name, value in api.connection.headers()]
        handshake: Any = websocket.WebSocket(enable_multithread=False)
        try:
            handshake.connect(
                url, header=headers, subprotocols=list(_PROTOCOLS), suppress_origin=True, timeout=timeout,
                redirect_limit=0, socket=dial(api.connection, timeout),
            )  # fmt: skip
        except websocket.WebSocketBadStatusException as error:
            if error.status_code == 401 and not renewed and api.connection.renew(asked):
                renewed = True
                continue
            body, told = error.resp_body or b"", error.resp_headers or {}
            raise refused(ask, error.status_code, body, told, api.server) from None
        except (websocket.WebSocketException, OSError) as error:
            raise api.unreachable(error, timeout) from None
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
