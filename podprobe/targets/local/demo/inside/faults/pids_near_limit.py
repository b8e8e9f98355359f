"""`worker` has nearly as many processes as its control group allows. Shows PRC101."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("PRC101",)

LIMIT = 50
COUNT = 42


def declare(plan: Plan) -> None:
    """The kubelet sets this limit by its own configuration, not by the manifest."""
    plan.pids["worker"] = LIMIT
    plan.controllers.append("pids")


def _multiply(ready: Callable[[], None]) -> None:
    for _ in range(COUNT):
        if os.fork() == 0:
            signal.pause()
    ready()
    signal.pause()


ACTORS = {"worker": _multiply}
