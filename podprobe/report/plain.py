"""`watch --plain`: sentences, for a log or a screen reader. What stays the same is not said again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.diff import diff
from podprobe.report import summary, units
from podprobe.report.changes import sentence
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import SEVERITY_RANK

if TYPE_CHECKING:
    from podprobe.model import Finding, Snapshot

_FINDING = "finding"


def sentences(before: Snapshot | None, after: Snapshot) -> list[str]:
    """What there is to say of `after` to someone who has heard of `before`, a line each."""
    if before is None:
        said = _first(after)
    elif another(before, after):
        said = [f"{summary.label(before)} is gone; this is its successor.", *_first(after)]
    else:
        said = _since(before, after)
    time = units.moment(neutral(after.taken_at, 40))
    return [f"{time}  {line}" for line in said]


def another(before: Snapshot, after: Snapshot) -> bool:
    """Another Pod than before; a StatefulSet's Pod that came back under its name is the same one made anew."""
    then, now = before.target, after.target
    return (then.namespace, then.pod) != (now.namespace, now.pod)


def _first(snapshot: Snapshot) -> list[str]:
    line = summary.line(snapshot)
    counts = ((line.critical, "critical findings"), (line.warnings, "warnings"), (line.infos, "notes"))
    found = ", ".join(f"{count} {noun[:-1] if count == 1 else noun}" for count, noun in counts if count)
    accepted = summary.ignored_of(snapshot)
    seen = "; not everything could be seen" if line.partial else ""
    first = (
        f"{line.label}: {found or 'nothing wrong'}, {line.ready} of {line.containers} containers ready{seen}."
        + (f" {accepted[0].upper()}{accepted[1:]}." if accepted else "")
    )
    ordered = sorted(snapshot.findings, key=lambda finding: (SEVERITY_RANK[finding.severity], finding.code))
    return [first, *map(_finding, ordered)]


def _since(before: Snapshot, after: Snapshot) -> list[str]:
    known = {(found.code, found.subject) for found in before.findings}
    now = {(found.code, found.subject) for found in after.findings}
    new = [found for found in after.findings if (found.code, found.subject) not in known]
    over = [found for found in before.findings if (found.code, found.subject) not in now]
    rest = [
        change
        for change in diff(before, after).changes
        if change.area != _FINDING or change.kind == "changed"
    ]
    return [
        *(f"New: {_finding(found)}" for found in new),
        *(
            f"Over: {neutral(found.code, 20)}, {neutral(found.title)}, {neutral(found.subject)}."
            for found in over
        ),
        *(f"{line[0].upper()}{line[1:]}." for line in map(sentence, rest)),
    ]


def _finding(found: Finding) -> str:
    facts = " ".join(neutral(fact) for fact in found.evidence[:3])
    name = f"{found.severity} {neutral(found.code, 20)}, {neutral(found.title)}, {neutral(found.subject)}."
    remedy = f" To do: {neutral(found.remedy, 600)}" if found.severity != "info" else ""
    return f"{name} {facts}{remedy}".rstrip()
