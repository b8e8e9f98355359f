"""`metrics` starts before `app` listens, finds its port refused, and ends: it has to be restarted. Shows STA101."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor

NAME = "start-race"
FINDINGS = ("STA101",)
ACTORS: dict[str, Actor] = {}  # `app` takes its time, `metrics` has no patience

DELAY_SECONDS = 1.5
