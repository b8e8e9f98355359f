"""The volume `cache` is at 97 % of its sizeLimit, on a file system that has room: next comes eviction. Shows VOL103."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("VOL103",)

LIMIT_BYTES = 8 << 20
SHARE = 0.97


def declare(plan: Plan) -> None:
    """The file system is far larger than the limit, as a node's disk is."""
    plan.sizes["cache"] = "64Mi"


def _fill(ready: Callable[[], None]) -> None:
    with Path("/cache/blob").open("w+b") as file:
        os.posix_fallocate(file.fileno(), 0, int(LIMIT_BYTES * SHARE))
    ready()
    signal.pause()


ACTORS = {"worker": _fill}
