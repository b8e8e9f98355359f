"""`app` declares a containerPort that nothing listens on. Shows NET102."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

FINDINGS = ("NET102",)
TAKES = "10 seconds"  # the grace that a container has to open its ports
ACTORS: dict[str, Actor] = {}

PORT = 7001


def declare(plan: Plan) -> None:
    """Declare the port."""
    plan.declare_port("app", "forgotten", PORT)
