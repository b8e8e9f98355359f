"""What an Envoy says of itself at its administration port: three fixed requests over loopback, each a read.

The port can do much more (shut the proxy down, print its configuration with all its secrets); nothing of that is asked.
Of the server's own description only three words leave the Pod: the rest holds its command line.
"""

from __future__ import annotations

import json
import socket
import time

from podprobe_agent import http1, protocol
from podprobe_agent.errors import RefusedError
from podprobe_agent.probes.tcp import bind_marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Event
    from typing import Any

    from podprobe_agent.output import Output

_STATISTICS = (
    "/stats?format=json&usedonly&filter="
    "(membership_(total%7Chealthy)%7Cupstream_cx_(active%7Cconnect_fail)"
    "%7Cupstream_rq_(total%7Cactive%7Cpending_active%7Cpending_overflow%7Ctime)%7Cdownstream_rq_time)%24"
)
_PIECES = {"server_info": "/server_info", "clusters": "/clusters?format=json", "stats": _STATISTICS}
_TOLD = ("version", "state", "uptime_current_epoch")
_MOST_BYTES = 768 << 10
"""Of one answer. A proxy of a large mesh has more to say; then that piece is left out."""

_LOOPBACK_6 = socket.inet_pton(socket.AF_INET6, "::1")


def run(arguments: dict[str, Any], request: int, output: Output, cancelled: Event) -> None:
    """Answer ``{"verb": "admin", "to": "127.0.0.1:15000", "timeout": seconds}``.

    Each piece is one part of area `admin` (`podprobe.agents.answers.AdminPiece`): its text, or why there is none.
    """
    started = time.monotonic()
    taken_at = time.time()
    address = _loopback(arguments["to"])
    deadline = started + float(arguments["timeout"])
    for piece, path in _PIECES.items():
        if cancelled.is_set():
            break
        value = {"piece": piece, "text": None, "error": None}
        try:
            text = _get(address, path, deadline)
            value["text"] = _described(text) if piece == "server_info" else text
        except (OSError, ValueError) as error:
            value["error"] = getattr(error, "strerror", None) or str(error)
        output.send_json(protocol.PART, request, {"area": "admin", "value": value})
        if piece == "server_info" and value["error"]:
            break  # Whoever listens there is no Envoy: it is not asked for more.
    end = {
        "visibility": [],
        "duration_us": int((time.monotonic() - started) * 1e6),
        "taken_at": taken_at,
    }
    output.send_json(protocol.END, request, end)


def _loopback(endpoint: str) -> tuple[int, tuple[str, int]]:
    """Family and address of an endpoint on loopback.

    Raises:
        RefusedError: it is none.
    """
    host, _, port = endpoint.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") and host.endswith("]") else socket.AF_INET
    host = host[1:-1] if family == socket.AF_INET6 else host
    try:
        packed = socket.inet_pton(family, host)
    except (OSError, ValueError):
        packed = b""
    # A name that begins as such an address does would be asked of a name server.
    if not (packed[:1] == b"\x7f" if len(packed) == 4 else packed == _LOOPBACK_6) or not _is_port(port):
        raise RefusedError(f"{endpoint!r} is no port on loopback")
    return family, (host, int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= 65535


def _get(address: tuple[int, tuple[str, int]], path: str, deadline: float) -> str:
    """The body that a GET is answered with.

    Raises:
        OSError: nobody answers in time, or not HTTP.
        ValueError: the answer is no 200, or too large.
    """
    family, (host, port) = address
    shown = f"[{host}]" if ":" in host else host
    head = f"GET {path} HTTP/1.1\r\nHost: {shown}:{port}\r\nUser-Agent: podprobe\r\nConnection: close\r\n\r\n"
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        if family == socket.AF_INET:
            bind_marked(sock)
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        sock.connect((host, port))
        sock.sendall(head.encode("ascii"))
        answer = http1.read(sock, deadline, _MOST_BYTES)
    if answer.status != "200":
        raise ValueError(f"it answers with status {answer.status}")
    if not answer.whole:
        raise ValueError(f"its answer is larger than {_MOST_BYTES >> 10} KiB")
    return answer.body.decode("utf-8", "replace")


def _described(text: str) -> str:
    """Of `/server_info`, what may leave the Pod.

    Raises:
        ValueError: it is not Envoy's.
    """
    told = json.loads(text)
    if not isinstance(told, dict) or not isinstance(told.get("version"), str) or "state" not in told:
        raise ValueError("what answers there is no Envoy")
    return json.dumps({key: str(told.get(key, ""))[:256] for key in _TOLD})
