"""`worker` does not close connections that `app` has closed: they pile up in CLOSE_WAIT. Shows NET108."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ..programs import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET108",)

COUNT = 60


def _forget_to_close(ready: Callable[[], None]) -> None:
    forgotten = []
    for _ in range(COUNT):
        connection = common.connect_when_there(common.APP)
        http.get(connection, "/once", close=True)
        forgotten.append(connection)
    ready()
    signal.pause()


ACTORS = {"worker": _forget_to_close}
