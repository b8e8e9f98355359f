"""The containers share one PID namespace: signals and /proc cross from one to the other. Shows PRC102."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

FINDINGS = ("PRC102",)
ACTORS: dict[str, Actor] = {}


def declare(plan: Plan) -> None:
    """Ask for it."""
    plan.pod["spec"]["shareProcessNamespace"] = True
