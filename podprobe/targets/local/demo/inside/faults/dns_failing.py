"""The name server of `web` answers late, and with a failure. Shows SVC105."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("SVC105",)

PORT = 53
_DELAY_SECONDS = 0.6
_RESPONSE_SERVER_FAILURE = b"\x81\x82"


def declare(plan: Plan) -> None:
    """Declare the name server's port."""
    ports = plan.container("worker").setdefault("ports", [])
    ports.append({"name": "dns", "containerPort": PORT, "protocol": "UDP"})


def _answer(ready: Callable[[], None]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", PORT))
        ready()
        while True:
            question, asker = server.recvfrom(512)
            time.sleep(_DELAY_SECONDS)
            server.sendto(question[:2] + _RESPONSE_SERVER_FAILURE + question[4:], asker)


def _use_it(ready: Callable[[], None]) -> None:
    settings = "nameserver 127.0.0.1\nsearch demo.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    Path("/etc/resolv.conf").write_text(settings)
    ready()


ACTORS = {"worker": _answer, "web": _use_it}
