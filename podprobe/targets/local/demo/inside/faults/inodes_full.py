"""The volume `cache` runs out of inodes long before it runs out of bytes. Shows VOL102."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("VOL102",)

_INODES = 200
_LEFT = 4


def declare(pod: dict[str, Any], inodes: dict[str, int]) -> None:
    """The volume has few inodes."""
    inodes["cache"] = _INODES


def _fill(ready: Callable[[], None]) -> None:
    # The directories are an inode each, and the worker's sixteen results come on top.
    small = Path("/cache/sessions")
    small.mkdir(exist_ok=True)
    for number in range(_INODES - 2 - 16 - _LEFT):
        (small / f"{number:04}").touch()
    ready()
    signal.pause()


ACTORS = {"worker": _fill}
