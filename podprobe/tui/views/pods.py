"""Pods to choose from, with what somebody on call wants to know of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.panels.header import age
from podprobe.tui.views.table import Column, Section, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARKS = {"Failed": ("✖ ", "critical"), "Succeeded": ("■ ", "dim"), "Pending": ("◌ ", "warning")}


class PodChoice(Protocol):
    """A Pod that can be chosen."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def phase(self) -> str | None:
        """`Running`, `Pending`, …."""

    @property
    def ready(self) -> bool:
        """All its containers are ready."""

    @property
    def node(self) -> str | None:
        """Where it runs."""

    @property
    def created_at(self) -> str | None:
        """RFC 3339."""

    @property
    def owner(self) -> str | None:
        """Its controller, such as `ReplicaSet/web-7d9f`."""

    @property
    def containers(self) -> int:
        """How many it has, init and debug containers left out."""

    @property
    def ready_containers(self) -> int:
        """How many of them are ready."""

    @property
    def restarts(self) -> int:
        """Of all of them."""

    @property
    def reason(self) -> str | None:
        """Why a container of it does not run: `CrashLoopBackOff`."""


def by_urgency(pods: Sequence[PodChoice]) -> list[PodChoice]:
    """What somebody on call looks for stands first: what fails, what is not ready, what is well, what has ended."""
    return sorted(pods, key=lambda one: (_order(one), one.namespace, one.name))


def section(pods: Sequence[PodChoice], taken_at: str, empty: str) -> Section:
    """The table.

    Args:
        pods: in the order to show them in.
        taken_at: when they were listed, RFC 3339.
        empty: what stands there where there is none.
    """
    return Section(
        "Pods", _columns(taken_at), pods, lambda one: ("pod", one.namespace, one.name), _text, empty=empty
    )


def _columns(taken_at: str) -> tuple[Column, ...]:
    return (
        text_column("namespace", lambda one: one.namespace, least=10, most=24, role="dim"),
        text_column("pod", lambda one: one.name, least=16, most=60, role="strong"),
        Column("state", _state, lambda one: (_order(one), one.phase or ""), least=12, most=20),
        Column(
            "ready",
            lambda one: (Span(f"{one.ready_containers}/{one.containers}", "" if one.ready else "warning"),),
            lambda one: one.ready_containers - one.containers,
            right=True,
            least=5,
        ),
        Column(
            "restarts",
            lambda one: (
                Span(f"↻{one.restarts}" if one.restarts else "–", "warning" if one.restarts else "dim"),
            ),
            lambda one: one.restarts,
            right=True,
            least=8,
        ),
        Column(
            "age",
            lambda one: (Span(age(one.created_at, taken_at)),),
            lambda one: one.created_at,
            right=True,
            least=5,
        ),
        text_column("node", lambda one: one.node, least=8, most=30, rank=1),
        text_column("owner", lambda one: one.owner, least=10, most=40, rank=2, role="dim"),
    )


def _order(pod: PodChoice) -> int:
    if pod.reason is not None or pod.phase == "Failed":
        return 0
    if pod.phase == "Succeeded":
        return 3
    return 2 if pod.phase == "Running" and pod.ready else 1


def _state(pod: PodChoice) -> Line:
    if pod.reason is not None:
        return Span("✖ ", "critical"), said(pod.reason, "critical")
    if pod.phase == "Running":
        return (Span("● ready", "ok"),) if pod.ready else (Span("▲ not ready", "warning"),)
    mark, role = _MARKS.get(pod.phase or "", ("? ", "dim"))
    return Span(mark, role), said(pod.phase or "unknown", role)


def _text(pod: PodChoice) -> str:
    ready = "ready" if pod.ready else "not ready"
    return f"{pod.namespace}/{pod.name} {pod.phase} {pod.reason or ''} {ready} {pod.node} {pod.owner}"
