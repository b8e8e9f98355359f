"""The readiness probe of `app` asks for a port that listens on loopback only. Shows NET105.

The kubelet's probes come from outside the Pod: this one can never succeed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Actor, Plan

FINDINGS = ("NET105",)
ACTORS: dict[str, Actor] = {}


def declare(plan: Plan) -> None:
    """Declare the probe."""
    probe = {"httpGet": {"path": "/healthz", "port": "api"}, "periodSeconds": 5, "failureThreshold": 3}
    plan.container("app")["readinessProbe"] = probe
