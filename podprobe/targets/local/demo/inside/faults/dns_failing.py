"""The Pod's name server answers late, and with a failure. Shows SVC105."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("SVC105",)

PORT = 53
_DELAY_SECONDS = 0.6
_RESPONSE_SERVER_FAILURE = b"\x81\x82"


def declare(plan: Plan) -> None:
    """A name server in `worker`, and the settings that the kubelet writes by default."""
    ports = plan.container("worker").setdefault("ports", [])
    ports.append({"name": "dns", "containerPort": PORT, "protocol": "UDP"})
    search = "demo.svc.cluster.local svc.cluster.local cluster.local"
    plan.etc["resolv.conf"] = f"nameserver 127.0.0.1\nsearch {search}\noptions ndots:5\n"


def _answer(ready: Callable[[], None]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", PORT))
        ready()
        while True:
            question, asker = server.recvfrom(512)
            time.sleep(_DELAY_SECONDS)
            server.sendto(question[:2] + _RESPONSE_SERVER_FAILURE + question[4:], asker)


ACTORS = {"worker": _answer}
