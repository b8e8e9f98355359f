"""Carries messages to the Pod's name servers and back, unread: what they say is the client's business.

Only to port 53 of a name server that the container's own resolv.conf names, few at a time, small, and for seconds:
whoever talks to an agent cannot make it talk to anything else.
"""

from __future__ import annotations

import base64
import select
import socket
import time

from podprobe_agent import protocol, resolvconf
from podprobe_agent.collectors import _door
from podprobe_agent.collectors.context import Context
from podprobe_agent.errors import RefusedError
from podprobe_agent.probes.run import errno_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event
    from typing import Any

    from podprobe_agent.output import Output

PORT = 53
MOST_PAYLOADS = 4
MOST_SENDS = 24
MOST_SECONDS = 5.0
LEAST_BYTES, MOST_BYTES = 12, 512
"""Of a payload: a DNS header, and what any server takes over UDP."""
_MOST_REPLY = 65535
_SLICE_SECONDS = 0.25


def run(arguments: dict[str, Any], request: int, output: Output, cancelled: Event) -> None:
    """Answer ``{"verb": "exchange", "servers": [...], "payloads": [...], "sends": [[after, server], ...], ...}``.

    Each payload (base64) is sent to a server (by its place among `servers`) `after` so many seconds, over and over as
    `sends` has it, until something with the same first two bytes comes back, or `seconds` are over; with `tcp`, over a
    connection, framed as RFC 1035 has it. The answer is one part of area `exchange`
    (`podprobe.agents.answers.ExchangeAnswer`).
    """
    started = time.monotonic()
    taken_at = time.time()
    servers = [str(server) for server in arguments["servers"]]
    payloads = [base64.b64decode(payload) for payload in arguments["payloads"]]
    sends = sorted((max(0.0, float(after)), int(server)) for after, server in arguments["sends"])
    _check(servers, payloads, sends, int(arguments.get("root_pid", 1)))
    seconds = min(float(arguments["seconds"]), MOST_SECONDS)
    carry = over_tcp if arguments.get("tcp") else over_udp
    value = carry(servers, payloads, sends, seconds, cancelled)
    output.send_json(protocol.PART, request, {"area": "exchange", "value": value})
    duration = int((time.monotonic() - started) * 1e6)
    output.send_json(protocol.END, request, {"visibility": [], "duration_us": duration, "taken_at": taken_at})


def _check(
    servers: Sequence[str], payloads: Sequence[bytes], sends: Sequence[tuple[float, int]], root_pid: int
) -> None:
    try:
        known = resolvconf.read(_door.find(Context(root_pid=root_pid))).servers
    except OSError:
        known = resolvconf.read_own().servers
    for server in servers:
        if server not in known:
            raise RefusedError(f"{server!r} is no name server of the container's resolv.conf")
    if not 0 < len(payloads) <= MOST_PAYLOADS or not 0 < len(sends) <= MOST_SENDS:
        raise RefusedError(f"{len(payloads)} payloads, sent {len(sends)} times: that is too many, or none")
    if any(not LEAST_BYTES <= len(payload) <= MOST_BYTES for payload in payloads):
        raise RefusedError(f"a payload has {LEAST_BYTES} to {MOST_BYTES} bytes")
    if len({payload[:2] for payload in payloads}) < len(payloads):
        raise RefusedError("two payloads begin with the same two bytes")
    if any(not 0 <= server < len(servers) for _, server in sends):
        raise RefusedError("it is to be sent to a server that is none of those named")


def over_udp(
    servers: Sequence[str],
    payloads: Sequence[bytes],
    sends: Sequence[tuple[float, int]],
    seconds: float,
    cancelled: Event,
    port: int = PORT,
) -> dict[str, Any]:
    """Datagrams. All sockets stay open to the end: a late answer to the first sending counts."""
    carrier = _Datagrams(servers, payloads, port)
    try:
        carrier.run(list(sends), seconds, cancelled)
    finally:
        carrier.close()
    return carrier.value()


class _Datagrams:
    """One exchange over UDP."""

    def __init__(self, servers: Sequence[str], payloads: Sequence[bytes], port: int) -> None:
        self._servers = servers
        self._payloads = payloads
        self._port = port
        self._sockets: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._waiting = {payload[:2]: place for place, payload in enumerate(payloads)}
        self._replies: list[dict[str, Any]] = []
        self._errors: dict[str, str] = {}
        self._sent = [0] * len(payloads)
        self._started = 0

    def run(self, sends: list[tuple[float, int]], seconds: float, cancelled: Event) -> None:
        self._started = time.perf_counter_ns()
        while self._waiting and not cancelled.is_set():
            now = (time.perf_counter_ns() - self._started) / 1e9
            while sends and sends[0][0] <= now:
                self._send(sends.pop(0)[1])
            if now >= seconds or (not sends and len(self._errors) == len(set(self._servers))):
                return
            if self._idle() and sends:
                # Every server so far has refused: there is nothing to wait for before the next one is asked.
                sends = [(after - sends[0][0] + now, server) for after, server in sends]
                continue
            until = min(sends[0][0] if sends else seconds, seconds)
            for descriptor, _ in self._poll.poll(max(0.0, min(until - now, _SLICE_SECONDS)) * 1000):
                self._receive(descriptor)

    def _idle(self) -> bool:
        return all(self._servers[place] in self._errors for place in self._sockets)

    def _send(self, place: int) -> None:
        if self._servers[place] in self._errors:
            return
        try:
            if place not in self._sockets:
                self._sockets[place] = sock = _connected(self._servers[place], socket.SOCK_DGRAM, self._port)
                sock.setblocking(False)
                self._poll.register(sock, select.POLLIN)
            for number in self._waiting.values():
                self._sockets[place].send(self._payloads[number])
                self._sent[number] += 1
        except OSError as error:
            self._fail(place, error)

    def _receive(self, descriptor: int) -> None:
        place = next(place for place, sock in self._sockets.items() if sock.fileno() == descriptor)
        try:
            data = self._sockets[place].recv(_MOST_REPLY)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(place, error)
            return
        time_us = (time.perf_counter_ns() - self._started) // 1000
        number = self._waiting.pop(data[:2], None)
        if number is not None:
            self._replies.append(_reply(number, place, time_us, data))

    def _fail(self, place: int, error: OSError) -> None:
        self._errors[self._servers[place]] = errno_name(error)
        if place in self._sockets:
            self._poll.unregister(self._sockets[place])

    def value(self) -> dict[str, Any]:
        return {"replies": self._replies, "errors": self._errors, "sent": self._sent}

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()


def over_tcp(
    servers: Sequence[str],
    payloads: Sequence[bytes],
    sends: Sequence[tuple[float, int]],
    seconds: float,
    cancelled: Event,
    port: int = PORT,
) -> dict[str, Any]:
    """A connection for each payload, one after the other; the servers in the order of `sends`, each once."""
    deadline = time.monotonic() + seconds
    replies: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    sent = [0] * len(payloads)
    order = list(dict.fromkeys(place for _, place in sends))
    for number, payload in enumerate(payloads):
        for place in order:
            if cancelled.is_set() or servers[place] in errors:
                continue
            started = time.perf_counter_ns()
            try:
                sent[number] += 1
                data = _converse(servers[place], payload, port, deadline)
            except OSError as error:
                errors[servers[place]] = errno_name(error)
                continue
            replies.append(_reply(number, place, (time.perf_counter_ns() - started) // 1000, data))
            break
    return {"replies": replies, "errors": errors, "sent": sent}


def _converse(server: str, payload: bytes, port: int, deadline: float) -> bytes:
    with _connected(server, socket.SOCK_STREAM, port, deadline) as sock:
        sock.sendall(len(payload).to_bytes(2, "big") + payload)
        length = int.from_bytes(_exactly(sock, 2, deadline), "big")
        return _exactly(sock, length, deadline)


def _exactly(sock: socket.socket, count: int, deadline: float) -> bytes:
    data = b""
    while len(data) < count:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        piece = sock.recv(count - len(data))
        if not piece:
            raise ConnectionResetError(104, "closed before the end of the answer")  # ECONNRESET
        data += piece
    return data


def _connected(server: str, kind: int, port: int, deadline: float | None = None) -> socket.socket:
    """A socket whose peer is the server: the kernel drops what others send, and tells of a closed port."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    # The address is one already: this resolves the zone of an IPv6 one, and nothing else.
    address = socket.getaddrinfo(server, port, family, kind, 0, socket.AI_NUMERICHOST)[0][4]
    sock = socket.socket(family, kind | socket.SOCK_CLOEXEC)
    try:
        if deadline is not None:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _reply(payload: int, server: int, time_us: int, data: bytes) -> dict[str, Any]:
    return {
        "payload": payload,
        "server": server,
        "time_us": time_us,
        "data": base64.b64encode(data).decode("ascii"),
    }
