"""The IPC namespace may hold eight segments, and nearly does. Shows IPC105."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from .. import sysv
from ..programs import common

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("IPC105",)

LIMIT = 8
_FIRST_KEY = 0x5000


def _use_up(ready: Callable[[], None]) -> None:
    sysv.set_limit("shmmni", str(LIMIT))
    # One is `app`'s, and one is left.
    segments = [sysv.attach_segment(_FIRST_KEY + number, 4096) for number in range(LIMIT - 2)]
    common.wait_for(common.RING.exists)
    ready()
    signal.pause()
    del segments


ACTORS = {"worker": _use_up}
