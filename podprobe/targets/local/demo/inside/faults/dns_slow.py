"""The Pod's name server answers rightly, each query 0.6 s late. Shows SVC105."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import nameserver

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("SVC105",)

_DELAY_SECONDS = 0.6


def declare(plan: Plan) -> None:
    """A name server in `worker`, and the settings that the kubelet writes by default."""
    nameserver.declare(plan.container("worker"), plan.etc)


def _dawdle(ready: Callable[[], None]) -> None:
    nameserver.serve(ready, delay=_DELAY_SECONDS)


ACTORS = {"worker": _dawdle}
