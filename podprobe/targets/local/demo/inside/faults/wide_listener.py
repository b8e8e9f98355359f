"""`worker` listens on all addresses, and only `web` beside it ever connects. Shows NET104."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET104",)

PORT = 7002


def _listen(ready: Callable[[], None]) -> None:
    listener = http.listen(("0.0.0.0", PORT))  # noqa: S104  # the fault
    ready()
    http.serve(listener, lambda _: b"internal\n")


def _connect(ready: Callable[[], None]) -> None:
    connection = common.connect_when_there(("127.0.0.1", PORT))
    ready()
    while True:
        http.get(connection, "/")
        time.sleep(1)


ACTORS = {"worker": _listen, "web": _connect}
