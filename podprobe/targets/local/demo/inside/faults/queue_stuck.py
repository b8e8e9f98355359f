"""`app` has filled a System V message queue, and nobody receives from it. Shows IPC103."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from .. import sysv

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC103",)

KEY = 0x78


def _fill(ready: Callable[[], None]) -> None:
    queue = sysv.queue(KEY)
    while sysv.send(queue, bytes(512)):
        pass
    ready()
    signal.pause()


ACTORS = {"app": _fill}
