"""Many Pods, a line each, worst first. A line is all that is kept of a snapshot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import SEVERITY_RANK, Cell, Column, Row, Section, count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.model import Severity, Snapshot

_LABEL = 253


@dataclass(frozen=True)
class PodLine:
    """What one Pod comes to."""

    label: str
    """`namespace/pod`, neutralised."""
    critical: int = 0
    warnings: int = 0
    infos: int = 0
    worst: str = ""
    """Code and title of the worst finding; for a failure, why."""
    containers: int = 0
    ready: int = 0
    restarts: int = 0
    seconds: float | None = None
    partial: bool = False
    """Something could not be seen."""
    failed: bool = False

    @property
    def severity(self) -> Severity | None:
        """Of the worst finding."""
        if self.failed or self.critical:
            return "critical"
        return "warning" if self.warnings else None


def label(snapshot: Snapshot) -> str:
    """`namespace/pod`, safe to show."""
    target = snapshot.target
    return neutral(f"{target.namespace}/{target.pod}" if target.namespace else target.pod, _LABEL)


def line(snapshot: Snapshot) -> PodLine:
    """A snapshot's line."""
    severities = [found.severity for found in snapshot.findings]
    worst = min(
        snapshot.findings, key=lambda found: (SEVERITY_RANK[found.severity], found.code), default=None
    )
    own = [container for container in snapshot.containers if container.kind in ("app", "sidecar")]
    return PodLine(
        label=label(snapshot),
        critical=severities.count("critical"),
        warnings=severities.count("warning"),
        infos=severities.count("info"),
        worst=neutral(f"{worst.code} {worst.title}: {worst.subject}", 200) if worst else "",
        containers=len(own),
        ready=sum(bool(container.ready) for container in own),
        restarts=sum(container.restarts for container in own),
        seconds=snapshot.duration_ms / 1000,
        partial=any(part.level != "full" for part in snapshot.visibility),
    )


def ignored(found: Iterable[tuple[str, str]]) -> str:
    """`3 ignored (2 × NET103: the operator declares it; VOL104: scratch)`; empty where nothing is.

    Args:
        found: code and reason of each finding that the configuration accepts.
    """
    counts = Counter((neutral(code, 20), neutral(reason, 200)) for code, reason in found)
    each = (
        f"{f'{number} × ' if number > 1 else ''}{code}: {reason}" for (code, reason), number in counts.items()
    )
    return f"{counts.total()} ignored ({'; '.join(each)})" if counts else ""


def ignored_of(snapshot: Snapshot) -> str:
    """The same of a snapshot."""
    return ignored((each.finding.code, each.reason) for each in snapshot.ignored)


def failure(label: str, reason: str) -> PodLine:
    """The line of a Pod that could not be looked at."""
    return PodLine(label=neutral(label, _LABEL), worst=neutral(reason), failed=True)


def section(lines: Iterable[PodLine]) -> Section:
    """The lines as a table: failures, then the most critical findings, then the most warnings."""
    ordered = sorted(
        lines, key=lambda pod: (not pod.failed, -pod.critical, -pod.warnings, -pod.infos, pod.label)
    )
    columns = (
        Column("pod"),
        Column("critical", right=True),
        Column("warnings", right=True),
        Column("info", 3, right=True),
        Column("ready", 2, right=True),
        Column("restarts", 3, right=True),
        Column("looked", 4, right=True),
        Column("worst", 1, below=True),
    )
    total = len(ordered)
    failed = sum(pod.failed for pod in ordered)
    troubled = sum(bool(pod.severity) and not pod.failed for pod in ordered)
    note = f"{total} in all, {troubled} with something wrong" + (
        f", {failed} not looked at" if failed else ""
    )
    return Section("pods", "Pods", columns, tuple(map(_row, ordered)), note)


def _row(pod: PodLine) -> Row:
    if pod.failed:
        gap = Cell(units.ABSENT, None, "dim")
        return Row(
            (Cell(pod.label), *[gap] * 6, Cell(f"not looked at: {pod.worst}", tone="critical")), "critical"
        )
    cells = (
        Cell(pod.label),
        Cell(str(pod.critical), pod.critical, "critical" if pod.critical else "dim"),
        Cell(str(pod.warnings), pod.warnings, "warning" if pod.warnings else "dim"),
        count(pod.infos),
        Cell(f"{pod.ready}/{pod.containers}", pod.ready - pod.containers),
        count(pod.restarts),
        Cell(units.ABSENT if pod.seconds is None else f"{pod.seconds:.1f} s", pod.seconds),
        Cell(pod.worst or ("nothing wrong in what was seen" if pod.partial else "nothing wrong")),
    )
    return Row(cells, pod.severity)
