"""How the Pod came up: the order of its containers' starts, and the kubelet's probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.startup import lane, waits
from podprobe.analysis.trials import WORDS
from podprobe.report import units
from podprobe.report.sections.base import ABSENT, Cell, Column, Marks, Section, count, section, text

if TYPE_CHECKING:
    from podprobe.model import Probe, ProbeTrial, Snapshot
    from podprobe.report.sections.base import Tone

_LANE = 24


def starts(snapshot: Snapshot, marks: Marks) -> Section:
    """A line for each container, on one axis of time. Nothing where none has started."""
    known = [found for found in snapshot.starts if found.after_ms is not None]
    rows = [
        marks.row(
            f"/starts/{index}",
            text(found.container, 63),
            Cell(found.kind),
            Cell("".join(part for part, _ in lane(found, snapshot.starts, _LANE))),
            _after(found.after_ms),
            Cell(units.microseconds(found.lasted_ms * 1000), found.lasted_ms)
            if found.lasted_ms is not None
            else ABSENT,
            text(waits(found), 200),
            count(found.restarts),
        )
        for index, found in enumerate(snapshot.starts)
        if known
    ]
    columns = (
        Column("container"),
        Column("kind", 2),
        Column("start", 1),
        Column("after", right=True),
        Column("lasted", 2, right=True),
        Column("waited for"),
        Column("restarts", 1, right=True),
    )
    return section("starts", "Start order", columns, rows)


def probes(snapshot: Snapshot, marks: Marks) -> Section:
    """The probes, what came of trying them, and their failures that the cluster's events tell of."""
    rows = [
        marks.row(
            f"/containers/{index}/probes/{number}",
            text(container.name, 63),
            Cell(probe.role),
            Cell(probe.kind),
            text(aim(probe), 80),
            Cell(f"{probe.timeout_seconds} s") if probe.timeout_seconds is not None else ABSENT,
            _tried(probe),
            _failures(probe),
        )
        for index, container in enumerate(snapshot.containers)
        for number, probe in enumerate(container.probes)
    ]
    columns = (
        Column("container"),
        Column("probe"),
        Column("kind", 1),
        Column("aims at"),
        Column("timeout", 2, right=True),
        Column("tried"),
        Column("failures of late"),
    )
    return section("probes", "Probes", columns, rows)


def _after(milliseconds: int | None) -> Cell:
    if milliseconds is None:
        return ABSENT
    return Cell(units.microseconds(milliseconds * 1000) if milliseconds else "first", milliseconds)


def aim(probe: Probe) -> str:
    """`:80/healthz`."""
    if probe.kind == "exec":
        return "a command"
    port = probe.port if probe.port is not None else probe.port_name
    return f":{port}{probe.path or ''}"


def _tried(probe: Probe) -> Cell:
    tried = probe.tried
    if tried is None:
        return ABSENT
    tone: dict[str, Tone] = {"ok": "ok", "partial": "plain", "not-tried": "dim"}
    return text(trial_words(tried), 160, tone.get(tried.outcome, "warning"))


def trial_words(tried: ProbeTrial, *, brief: bool = False) -> str:
    """`● ok, 200 in 1.2 ms`; in brief `● 200 in 1.2 ms`, and no reasons."""
    sign = {"ok": "●", "partial": "◐", "not-tried": "○"}.get(tried.outcome, "✖")
    words = [WORDS[tried.outcome]] if tried.status is None or not brief else []
    words += [str(tried.status)] if tried.status is not None else []
    timed = tried.time_us is not None and not (brief and tried.outcome == "timeout")
    took = f" in {units.microseconds(tried.time_us)}" if timed else ""
    reason = (
        f": {tried.detail}" if tried.detail and tried.outcome in {"not-tried", "partial", "failed"} else ""
    )
    return f"{sign} {', '.join(words)}{took}{'' if brief else reason}"


def _failures(probe: Probe) -> Cell:
    failures = probe.failures
    if failures is None:
        return ABSENT
    if not failures.count:
        return Cell("none", 0, tone="dim")
    last = f", last {units.moment(failures.last_at)}" if failures.last_at else ""
    return text(f"{failures.count:,}{last}: {failures.message or ''}".rstrip(": "), 160, "warning")
