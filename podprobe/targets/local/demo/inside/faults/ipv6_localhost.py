"""`localhost`, where `web` is told to find `app`, is ::1 first, and `app` listens on 127.0.0.1 only. Shows NET106."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from ..programs import common

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("NET106",)


def declare(plan: Plan) -> None:
    """Another /etc/hosts, and a command that relies on it."""
    plan.etc["hosts"] = "::1\tlocalhost\n127.0.0.1\tlocalhost\n127.0.1.1\tdemo\n"
    plan.container("web")["command"].append(f"--backend=localhost:{common.APP[1]}")


def _try_the_first(ready: Callable[[], None]) -> None:
    """As clients do that go by the first address alone."""
    while True:
        family, kind, _, _, address = socket.getaddrinfo("localhost", common.APP[1], type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind) as refused:
            refused.connect_ex(address)
        ready()
        time.sleep(1)


ACTORS = {"web": _try_the_first}
