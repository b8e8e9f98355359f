"""Two containers declare port 9090: `app` has it first, `metrics` cannot bind and restarts in a loop. Shows NET101."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

NAME = "port-conflict"
FINDINGS = ("NET101", "STA102")
ACTORS: dict[str, Actor] = {}  # `app` itself listens


def declare(plan: Plan) -> None:
    """`app` declares the port of `metrics`."""
    plan.declare_port("app", "admin", 9090)
