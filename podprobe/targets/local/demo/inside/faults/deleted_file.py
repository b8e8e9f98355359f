"""`logger` holds a deleted log file of 72 MiB open: rotation went wrong. Shows VOL106."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("VOL106",)

SIZE_BYTES = 72 << 20


def declare(plan: Plan) -> None:
    """Room enough that the volume itself is well."""
    plan.volume("logs")["sizeLimit"] = "256Mi"


def _hold(ready: Callable[[], None]) -> None:
    path = Path("/logs/big.old")
    with path.open("w+b") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE_BYTES)
        path.unlink()
        ready()
        signal.pause()


ACTORS = {"logger": _hold}
