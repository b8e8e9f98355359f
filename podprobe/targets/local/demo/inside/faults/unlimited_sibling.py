"""`app` has a CPU and a memory limit, and the containers beside it have none. Shows RES104."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

FINDINGS = ("RES104",)
ACTORS: dict[str, Actor] = {}


def declare(plan: Plan) -> None:
    """Declare the limits."""
    plan.container("app")["resources"] = {"limits": {"cpu": "500m", "memory": "128Mi"}}
