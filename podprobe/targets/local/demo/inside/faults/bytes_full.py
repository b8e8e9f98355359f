"""The volume `cache` is full to the last few percent. Shows VOL101, and VOL103 as its sizeLimit is as near."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("VOL101", "VOL103")

SHARE = 0.97


def _fill(ready: Callable[[], None]) -> None:
    with Path("/cache/blob").open("w+b") as file:
        filesystem = os.fstatvfs(file.fileno())
        os.posix_fallocate(file.fileno(), 0, int(filesystem.f_blocks * filesystem.f_frsize * SHARE))
    ready()
    signal.pause()


ACTORS = {"worker": _fill}
