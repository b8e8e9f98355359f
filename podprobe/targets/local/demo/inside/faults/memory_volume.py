"""The volume `cache` is in memory: what is written there counts against the containers' limits. Shows VOL105."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

FINDINGS = ("VOL105",)
ACTORS: dict[str, Actor] = {}


def declare(plan: Plan) -> None:
    """Ask for memory."""
    plan.volume("cache")["medium"] = "Memory"
