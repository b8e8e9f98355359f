"""The 64 MiB of /dev/shm, which all containers share, are nearly used up. Shows IPC102."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC102",)

NAME = "hoard"
SIZE_BYTES = 60 << 20


def _hoard(ready: Callable[[], None]) -> None:
    with Path("/dev/shm", NAME).open("w+b") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE_BYTES)
        ready()
        signal.pause()


ACTORS = {"worker": _hoard}
