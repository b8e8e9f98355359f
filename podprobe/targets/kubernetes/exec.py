"""A process in a container, over a WebSocket: the one module that knows how exec travels.

`kubernetes.stream` keeps every byte it has read, must not be used from two threads, has no bound on waiting, and drops
the impersonation headers. So the handshake is websocket-client's and the frames (RFC 6455) are read and written here.

Of the channels in a frame's first byte, 0 is standard input, 1 and 2 are output and errors, 3 is the exit status as a
`Status` object, and 255 (v5) closes the channel that it names.
"""

from __future__ import annotations

import collections
import contextlib
import os
import select
import socket
import ssl
import struct
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import msgspec

from podprobe.agents.stream import StreamClosedError
from podprobe.targets.kubernetes.asks import exec_in
from podprobe.targets.kubernetes.failures import refused, unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.targets.kubernetes.api import Api

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE_CHANNEL = 0, 1, 2, 3, 255
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING = 0, 1, 2, 8, 9
_PONG = 10
_CHUNK = 32 << 10
"""Bytes of one frame that we send, and of one read."""
_MAX_FRAME = 4 << 20
"""Longest frame taken; API servers send at most 64 KiB."""
_TAIL = 4096
"""Bytes of standard error that are kept."""
_MAX_STATUS = 64 << 10


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


class ExecStream:
    """A running process's standard streams. Implements `podprobe.agents.stream.Stream`.

    One thread may read while another writes. Nothing is read ahead: what the caller does not take stays in the
    sockets, and in the end in the process's pipe.

    Args:
        sock: connected, its handshake done.
        v5: the server understands that a channel is closed.
    """

    def __init__(self, sock: socket.socket, *, v5: bool) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._fileno = sock.fileno()
        self._v5 = v5
        # OpenSSL's connection must not be used by two threads at once. Calls under this lock never wait.
        self._io = threading.Lock()
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._received = bytearray()
        self._output: collections.deque[bytes] = collections.deque()
        self._errors = bytearray()
        self._status = bytearray()
        self._channel = -1
        self._pong = b""
        self._ended = False
        self._closed = False
        self._broke = ""

    def write(self, data: bytes) -> None:
        """Send all of `data` to standard input; blocks while the far side does not take it.

        Raises:
            StreamClosedError: the stream is gone.
        """
        view = memoryview(data)
        with self._writing:
            for start in range(0, len(view), _CHUNK):
                self._answer_ping()
                self._send(_frame(_BINARY, bytes((_STDIN,)) + bytes(view[start : start + _CHUNK])))

    def read(self, timeout: float) -> bytes | None:
        """Some bytes of standard output, `b""` at its end, `None` after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._reading:
            while True:
                if self._output:
                    return self._output.popleft()
                if self._ended or self._closed:
                    return b""
                data = self._receive(deadline)
                if data is None:
                    return None
                self._take(data)

    def diagnosis(self) -> str:
        """The end of standard error, and how the process or the connection ended."""
        said = bytes(self._errors).decode(errors="replace").strip()
        return "; ".join(part for part in (said, self._exit(), self._broke) if part)

    @property
    def exit_code(self) -> int | None:
        """Of the process; `None` while it runs, and where it never ran."""
        try:
            status = msgspec.json.decode(bytes(self._status), type=dict[str, Any])
        except msgspec.DecodeError:
            return None
        if status.get("status") == "Success":
            return 0
        for cause in (status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdecimal():
                return int(cause["message"])
        return None

    def close(self) -> None:
        """End the stream. The process's standard input ends with it."""
        with self._io:
            if self._closed:
                return
            self._closed = True
            # Best effort, without waiting. In the middle of another thread's frame it would be no frame at all.
            if not self._writing.locked():
                with contextlib.suppress(OSError):
                    if self._v5:
                        self._socket.send(_frame(_BINARY, bytes((_CLOSE_CHANNEL, _STDIN))))
                    self._socket.send(_frame(_CLOSE, struct.pack("!H", 1000)))
            with contextlib.suppress(OSError):
                # Wakes a thread that waits in poll().
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _exit(self) -> str:
        if not self._status:
            return ""
        code = self.exit_code
        if code is not None:
            return "" if code == 0 else f"it ended with exit status {code}"
        try:
            return str(msgspec.json.decode(bytes(self._status), type=dict[str, Any]).get("message", ""))
        except msgspec.DecodeError:
            return bytes(self._status[:300]).decode(errors="replace")

    def _send(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            with self._io:
                if self._closed or self._ended:
                    raise StreamClosedError(self.diagnosis() or "the stream is closed")
                try:
                    rest = rest[self._socket.send(rest) :]
                    continue
                except ssl.SSLWantReadError:
                    waits = select.POLLIN
                except (ssl.SSLWantWriteError, BlockingIOError):
                    waits = select.POLLOUT
                except OSError as error:
                    self._end(error)
                    raise StreamClosedError(self.diagnosis()) from None
            self._wait(waits, 1.0)

    def _answer_ping(self) -> None:
        pong, self._pong = self._pong, b""
        if pong:
            self._send(pong)

    def _receive(self, deadline: float) -> bytes | None:
        while True:
            with self._io:
                if self._closed:
                    return b""
                try:
                    return self._socket.recv(_CHUNK)
                except ssl.SSLWantWriteError:
                    waits = select.POLLOUT
                except (ssl.SSLWantReadError, BlockingIOError):
                    waits = select.POLLIN
                except OSError as error:
                    self._end(error)
                    return b""
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._wait(waits, left)

    def _wait(self, events: int, seconds: float) -> None:
        poller = select.poll()
        poller.register(self._fileno, events)
        poller.poll(max(0.0, seconds) * 1000)

    def _end(self, error: OSError | None = None, said: str = "") -> None:
        if not self._ended and not self._closed:
            self._broke = said or (f"the connection broke: {error.strerror or error}" if error else "")
        self._ended = True

    def _take(self, data: bytes) -> None:
        if not data:
            # The server closes with a frame; without one, something on the way did.
            self._end(said="" if self._status else "the connection was cut")
            return
        self._received += data
        for opcode, payload in self._frames():
            if opcode in (_BINARY, _TEXT, _CONTINUATION):
                self._deliver(payload, begins=opcode != _CONTINUATION)
            elif opcode == _PING:
                self._pong = _frame(_PONG, payload)
                # A writer that waits for the far side must not keep us from reading: it answers in our place.
                if self._writing.acquire(blocking=False):
                    try:
                        self._answer_ping()
                    except StreamClosedError:
                        return
                    finally:
                        self._writing.release()
            elif opcode == _CLOSE:
                reason = payload[2:].decode(errors="replace")
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                said = (
                    ""
                    if code in (1000, 1005) or self._status
                    else f"the API server ended the stream ({code}) {reason}"
                )
                self._end(said=said.strip())
                return

    def _deliver(self, payload: bytes, *, begins: bool) -> None:
        if begins:
            self._channel = payload[0] if payload else -1
            payload = payload[1:]
        if not payload:
            return
        if self._channel == _STDOUT:
            self._output.append(payload)
        elif self._channel == _STDERR:
            self._errors += payload
            del self._errors[:-_TAIL]
        elif self._channel == _STATUS and len(self._status) < _MAX_STATUS:
            self._status += payload

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """The complete frames received so far. A server's are never masked."""
        buffer = self._received
        while len(buffer) >= 2:
            opcode, length, start = buffer[0] & 15, buffer[1] & 127, 2
            if length == 126:
                start = 4
            elif length == 127:
                start = 10
            if len(buffer) < start:
                return
            if start > 2:
                length = int.from_bytes(buffer[2:start], "big")
            if length > _MAX_FRAME or buffer[1] & 128:
                self._end(said=f"the API server sent a frame that cannot be ({length} bytes)")
                return
            if len(buffer) < start + length:
                return
            payload = bytes(buffer[start : start + length])
            del buffer[: start + length]
            yield opcode, payload


def _frame(opcode: int, payload: bytes) -> bytes:
    """One frame of a client's: final, and masked as RFC 6455 demands."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 128 | opcode, 128 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 128 | opcode, 128 | 126, length)
    else:
        head = struct.pack("!BBQ", 128 | opcode, 128 | 127, length)
    key = os.urandom(4)
    mask = (key * (length // 4 + 1))[:length]
    # As one large number: a loop over the bytes would take a hundred times as long.
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
    return head + key + masked


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
