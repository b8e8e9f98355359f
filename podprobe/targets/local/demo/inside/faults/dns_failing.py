"""The Pod's name server answers every query with SERVFAIL. Shows SVC105."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import nameserver

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import Plan

FINDINGS = ("SVC105",)


def declare(plan: Plan) -> None:
    """A name server in `worker`, and the settings that the kubelet writes by default."""
    nameserver.declare(plan.container("worker"), plan.etc)


def _fail(ready: Callable[[], None]) -> None:
    nameserver.serve(ready, failing=True)


ACTORS = {"worker": _fail}
