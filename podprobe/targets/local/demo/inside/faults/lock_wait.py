"""`app` waits for a lock on a file of the shared volume that `logger` does not give back. Shows VOL107."""

from __future__ import annotations

import fcntl
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from ..programs import common

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("VOL107",)

PATH = Path("/logs/rotate.lock")
_HELD = PATH.with_suffix(".held")


def _hold(ready: Callable[[], None]) -> None:
    with PATH.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _HELD.touch()
        ready()
        signal.pause()


def _wait(ready: Callable[[], None]) -> None:
    common.wait_for(_HELD.exists)
    with PATH.open("w") as file:
        ready()
        fcntl.flock(file, fcntl.LOCK_EX)


ACTORS = {"logger": _hold, "app": _wait}
