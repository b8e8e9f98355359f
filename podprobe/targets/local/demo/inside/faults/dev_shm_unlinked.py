"""The 64 MiB of /dev/shm are nearly used up by a file that has no name any more: `ls` shows none. Shows IPC102."""

from __future__ import annotations

import mmap
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC102",)

NAME = "arena"
SIZE_BYTES = 60 << 20


def _hoard(ready: Callable[[], None]) -> None:
    # As browsers and machine-learning loaders do: the name goes at once, the mapping stays.
    path = Path("/dev/shm", NAME)
    with path.open("w+b") as file:
        path.unlink()
        os.posix_fallocate(file.fileno(), 0, SIZE_BYTES)
        memory = mmap.mmap(file.fileno(), SIZE_BYTES)
    for start in range(0, SIZE_BYTES, mmap.PAGESIZE):
        memory[start] = 1
    ready()
    signal.pause()


ACTORS = {"worker": _hoard}
