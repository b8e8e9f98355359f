"""A parent that does not reap: twelve children of it have ended and stay as zombies. Shows PRC101."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("PRC101",)

COUNT = 12


def _neglect(ready: Callable[[], None]) -> None:
    for _ in range(COUNT):
        if os.fork() == 0:
            os._exit(0)
    ready()
    signal.pause()


ACTORS = {"worker": _neglect}
