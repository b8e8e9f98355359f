"""Two containers declare port 9090: `app` has it first, `metrics` cannot bind and restarts in a loop. Shows NET101."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import Actor

NAME = "port-conflict"
FINDINGS = ("NET101", "STA102")
ACTORS: dict[str, Actor] = {}  # `app` itself listens


def declare(pod: dict[str, Any], inodes: dict[str, int]) -> None:
    """`app` declares the port of `metrics`."""
    from . import spec_of

    spec_of(pod, "app")["ports"].append({"name": "admin", "containerPort": 9090})
