"""`worker` wants more CPU than its limit of a twentieth of a core, and mostly stands still. Shows RES101."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("RES101",)


def declare(plan: Plan) -> None:
    """Limit it."""
    plan.limit("worker", "cpu", "50m")


def _burn(ready: Callable[[], None]) -> None:
    ready()
    while True:
        sum(range(10_000))


ACTORS = {"worker": _burn}
