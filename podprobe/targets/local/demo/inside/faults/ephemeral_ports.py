"""`web` has nearly as many connections to one address as there are ephemeral ports. Shows NET109."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET109",)

ADDRESS = ("127.0.0.1", 7004)
FIRST, LAST = 40000, 40199
COUNT = 180


def _listen(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS, COUNT)
    ready()
    http.serve(listener, lambda _: b"\n")


def _connect(ready: Callable[[], None]) -> None:
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{FIRST} {LAST}")
    connections = [common.connect_when_there(ADDRESS) for _ in range(COUNT)]
    ready()
    signal.pause()
    del connections


ACTORS = {"worker": _listen, "web": _connect}
