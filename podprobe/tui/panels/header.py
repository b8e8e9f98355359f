"""The first line: what is looked at, and how fresh it is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui.drawing import Line, Span, cut, fit, join, length, said

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.tui.situation import Situation

_GAP = Span("   ")


def draw(snapshot: Snapshot | None, situation: Situation, width: int, now: float) -> list[Line]:
    """One line: the target at the left, as much of it as there is room for; the state of the source at the right."""
    right = _status(snapshot, situation, now)
    left: Line = (Span(" podprobe ", "title"), Span(" "))
    parts = _target(snapshot, situation)
    room = width - length(right) - length(left) - 2
    shown = join(parts, _GAP)
    while len(parts) > 1 and length(shown) > room:
        parts.pop()
        shown = join(parts, _GAP)
    body = fit((*left, *cut(shown, max(8, room))), width - length(right) - 1)
    return [(*body, *right, Span(" "))]


def age(started_at: str | None, now: str) -> str:
    """Time between two moments, as kubectl writes ages: `4m`, `3h12m`, `12d`."""
    try:
        seconds = int(
            (datetime.fromisoformat(now) - datetime.fromisoformat(started_at or "")).total_seconds()
        )
    except (ValueError, TypeError):
        return ""
    if seconds < 120:
        return f"{max(0, seconds)}s"
    if seconds < 7200:
        return f"{seconds // 60}m"
    if seconds < 172_800:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"
    return f"{seconds // 86_400}d"


def _target(snapshot: Snapshot | None, situation: Situation) -> list[Line]:
    """Most important first: what does not fit is left out from the end."""
    if snapshot is None:
        return [(said(situation.label, "strong"),)]
    target = snapshot.target
    name = f"{target.namespace}/{target.pod}" if target.namespace else target.pod
    phase = target.phase or ("local" if target.kind == "local" else "")
    since = age(target.started_at, snapshot.taken_at)
    parts: list[Line] = [(said(name, "strong", limit=120),)]
    if phase:
        role = {"Running": "ok", "Failed": "critical", "Pending": "warning"}.get(phase, "")
        parts.append((said(phase, role), Span(f" {since}" if since else "")))
    containers = [one for one in snapshot.containers if one.kind in {"app", "sidecar"}]
    agents = sum(one.agent for one in snapshot.containers)
    parts.append((Span(_plural(len(containers), "container")),))
    if agents:
        parts.append((Span(_plural(agents, "agent"), "dim"),))
    if target.node:
        parts.append((Span("@ ", "dim"), said(target.node)))
    if target.ips:
        parts.append((said(target.ips[0], "dim"),))
    if target.context:
        parts.append((said(target.context, "dim"),))
    return parts


def _status(snapshot: Snapshot | None, situation: Situation, now: float) -> Line:
    spans: list[Span] = []
    if situation.recording is not None:
        spans.append(Span(f"⏺ rec {situation.recorded}  ", "critical"))
    if situation.capturing is not None:
        spans.append(Span(f"⏺ {units.number(situation.capturing)} packets  ", "critical"))
    stale = situation.stale_seconds(now)
    if not situation.live:
        taken = units.moment(snapshot.taken_at) if snapshot else ""
        spans.append(said(f"recorded {taken}", "dim"))
    elif stale is not None:
        spans.append(Span(f"▲ stale {stale:.0f} s", "warning"))
    elif situation.paused:
        spans.append(Span("⏸ paused", "warning"))
    elif situation.looked_at is None:
        spans.append(Span("◌ starting", "warning"))
    else:
        spans.append(Span(f"● live {situation.interval:g} s", "live"))
    return tuple(spans)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
