"""A process of `worker` asks for more memory than the limit allows, and the kernel kills it. Shows RES103."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("RES103",)

LIMIT = "48Mi"
SIZE_BYTES = 96 << 20


def declare(plan: Plan) -> None:
    """Limit it."""
    plan.limit("worker", "memory", LIMIT)


def _ask_for_too_much(ready: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        Path("/proc/self/oom_score_adj").write_text("1000")  # it, and not the container's first process
        hoard = bytearray(SIZE_BYTES)
        hoard[::4096] = b"x" * len(hoard[::4096])
        os._exit(0)
    os.waitpid(child, 0)
    ready()
    signal.pause()


ACTORS = {"worker": _ask_for_too_much}
