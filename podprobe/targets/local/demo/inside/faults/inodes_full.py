"""The volume `cache` runs out of inodes long before it runs out of bytes. Shows VOL102."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("VOL102",)

INODES = 200
_LEFT = 4
_OF_THE_WORKER = 16


def declare(plan: Plan) -> None:
    """The volume has few inodes."""
    plan.inodes["cache"] = INODES


def _fill(ready: Callable[[], None]) -> None:
    # The volume's root and this directory are an inode each, and the worker's results come on top.
    sessions = Path("/cache/sessions")
    sessions.mkdir(exist_ok=True)
    for number in range(INODES - 2 - _OF_THE_WORKER - _LEFT):
        (sessions / f"{number:04}").touch()
    ready()
    signal.pause()


ACTORS = {"worker": _fill}
