"""Segments from `web` to the outside are lost: a filter there drops one in eight that arrive. Shows TCP102."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor

NAME = "outside-retransmits"
FINDINGS = ("TCP102",)
ACTORS: dict[str, Actor] = {}  # the world outside the Pod loses them

SHARE = 1 / 8
