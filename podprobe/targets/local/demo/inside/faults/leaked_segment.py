"""A System V segment whose creator has died and that nobody is attached to. Shows IPC101.

It survives restarts of the container and stays until the Pod goes.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from .. import sysv

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC101",)

KEY = 0xDEAD
SIZE_BYTES = 8 << 20


def _leak(ready: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        segment = sysv.attach_segment(KEY, SIZE_BYTES)
        segment[0 : 1 << 20] = b"\1" * (1 << 20)
        os._exit(0)
    os.waitpid(child, 0)
    ready()
    signal.pause()


ACTORS = {"app": _leak}
