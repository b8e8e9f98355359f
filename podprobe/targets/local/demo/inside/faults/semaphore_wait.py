"""`worker` waits for a semaphore that nobody will ever raise. Shows IPC104."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import sysv

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC104",)

KEY = 0x56


def _wait(ready: Callable[[], None]) -> None:
    locks = sysv.semaphores(KEY, 1)
    sysv.set_semaphore(locks, 0, 0)
    ready()
    sysv.change_semaphore(locks, 0, -1)


ACTORS = {"worker": _wait}
