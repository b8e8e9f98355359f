"""A POSIX message queue of `app` is full, and nobody receives from it. Shows IPC106."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from .. import sysv

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC106",)

NAME = "/stuck"
MESSAGES = 4


def _fill(ready: Callable[[], None]) -> None:
    queue = sysv.PosixQueue(NAME, messages=MESSAGES)
    while queue.send(b"event"):
        pass
    ready()
    signal.pause()


ACTORS = {"app": _fill}
