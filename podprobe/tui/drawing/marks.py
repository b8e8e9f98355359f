"""Symbols beside every colour, so that no colour carries meaning alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing.line import Span

if TYPE_CHECKING:
    from podprobe.model import Container, Health, Level, Severity

_SEVERITY = {"critical": Span("✖", "critical"), "warning": Span("▲", "warning"), "info": Span("·", "info")}
_HEALTH = {
    "ok": Span("●", "ok"),
    "degraded": Span("▲", "warning"),
    "broken": Span("✖", "critical"),
    "unknown": Span("?", "dim"),
}
_LEVEL = {"full": Span("●", "ok"), "partial": Span("◐", "warning"), "none": Span("○", "critical")}

WARNING_SHARE = 0.85
CRITICAL_SHARE = 0.95
"""Where a bar changes its colour; a finding's own thresholds are the finding's."""


def mark_of_severity(severity: Severity) -> Span:
    """✖ critical, ▲ warning, · info."""
    return _SEVERITY[severity]


def mark_of_health(health: Health) -> Span:
    """● ok, ▲ degraded, ✖ broken, ? unknown."""
    return _HEALTH[health]


def mark_of_level(level: Level) -> Span:
    """● full, ◐ partial, ○ none."""
    return _LEVEL[level]


def mark_of_container(container: Container) -> Span:
    """● ready or running, ◌ not ready yet, ✖ failed, ■ ended well."""
    if container.state == "running":
        return Span("◌", "warning") if container.ready is False else Span("●", "ok")
    if container.state == "terminated":
        code = container.last_exit.exit_code if container.last_exit else None
        return Span("■", "dim") if code in (None, 0) else Span("✖", "critical")
    if container.state == "waiting":
        failing = container.state_reason not in (None, "ContainerCreating", "PodInitializing")
        return Span("✖", "critical") if failing else Span("◌", "warning")
    return Span("?", "dim")


def role_of_share(share: float | None) -> str:
    """The role of something that can fill up."""
    if share is None:
        return "dim"
    return "critical" if share >= CRITICAL_SHARE else "warning" if share >= WARNING_SHARE else ""


def role_of_findings(critical: int, warning: int) -> str:
    """The role of a whole Pod."""
    return "critical" if critical else "warning" if warning else "ok"
