"""`worker` uses nearly all of the memory that its limit allows. Shows RES102."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("RES102",)

LIMIT = "64Mi"
SIZE_BYTES = 50 << 20


def declare(plan: Plan) -> None:
    """Limit it."""
    plan.limit("worker", "memory", LIMIT)


def _hoard(ready: Callable[[], None]) -> None:
    hoard = bytearray(SIZE_BYTES)
    hoard[::4096] = b"x" * len(hoard[::4096])
    ready()
    signal.pause()


ACTORS = {"worker": _hoard}
