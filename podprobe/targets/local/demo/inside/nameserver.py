"""A name server for the demo's faults: real datagrams, a zone of two names, and the faults that it is told to have."""

from __future__ import annotations

import heapq
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 53
ADDRESS = "127.0.0.1"
_DOMAIN = "cluster.local"
SETTINGS = f"nameserver {ADDRESS}\nsearch demo.svc.{_DOMAIN} svc.{_DOMAIN} {_DOMAIN}\noptions ndots:5\n"
"""resolv.conf, as the kubelet writes it by default."""
_ZONE = {f"kubernetes.default.svc.{_DOMAIN}": "10.96.0.1", f"demo.demo.svc.{_DOMAIN}": "10.96.7.7"}

_HEADER = struct.Struct("!HHHHHH")
_ANSWER = struct.Struct("!HHHIH4s")
_RESPONSE = 0x8180  # an answer, recursion desired and available
_NAME_ERROR, _SERVER_FAILURE = 3, 2
_TYPE_A = 1
_TO_THE_QUESTION = 0xC00C  # a compressed name: the one that the question has


def declare(container: dict[str, Any], etc: dict[str, str]) -> None:
    """A name server in a container, and every container's settings for it."""
    container.setdefault("ports", []).append({"name": "dns", "containerPort": PORT, "protocol": "UDP"})
    etc["resolv.conf"] = SETTINGS


def serve(ready: Callable[[], None], *, delay: float = 0.0, failing: bool = False) -> None:
    """Answer for ever.

    Args:
        ready: called once the port is open.
        delay: seconds between a query and its answer; queries do not wait for one another.
        failing: every answer is SERVFAIL.
    """
    due: list[tuple[float, int, bytes, Any]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ADDRESS, PORT))
        ready()
        for number in range(1 << 62):
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, _, message, asker = heapq.heappop(due)
                server.sendto(message, asker)
            server.settimeout(max(0.001, due[0][0] - now) if due else None)
            try:
                query, asker = server.recvfrom(512)
            except TimeoutError:
                continue
            heapq.heappush(due, (time.monotonic() + delay, number, answer(query, failing=failing), asker))


def answer(query: bytes, *, failing: bool = False) -> bytes:
    """The message that answers a query of one question."""
    identifier = _HEADER.unpack_from(query)[0]
    end = 12
    labels = []
    while query[end]:
        labels.append(query[end + 1 : end + 1 + query[end]].decode("ascii", "replace").lower())
        end += 1 + query[end]
    end += 1
    question = query[12 : end + 4]
    wanted = struct.unpack_from("!H", query, end)[0]
    address = _ZONE.get(".".join(labels))
    if failing:
        return _HEADER.pack(identifier, _RESPONSE | _SERVER_FAILURE, 1, 0, 0, 0) + question
    if address is None:
        return _HEADER.pack(identifier, _RESPONSE | _NAME_ERROR, 1, 0, 0, 0) + question
    if wanted != _TYPE_A:
        return _HEADER.pack(identifier, _RESPONSE, 1, 0, 0, 0) + question
    record = _ANSWER.pack(_TO_THE_QUESTION, _TYPE_A, 1, 30, 4, socket.inet_aton(address))
    return _HEADER.pack(identifier, _RESPONSE, 1, 1, 0, 0) + question + record
