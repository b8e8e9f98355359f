"""The volume `cache` has no sizeLimit: it can fill the node's disk. Shows VOL104."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

FINDINGS = ("VOL104",)
ACTORS: dict[str, Actor] = {}


def declare(plan: Plan) -> None:
    """Take the limit away."""
    del plan.volume("cache")["sizeLimit"]
