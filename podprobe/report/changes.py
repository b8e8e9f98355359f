"""What `diff` found, as a table or as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.text import Text

from podprobe.model import json_text
from podprobe.report import layout, summary, units
from podprobe.report.changed import before_and_after, field_words, value_words
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import Cell, Column, Row, Section
from podprobe.report.sections.base import text as cell
from podprobe.report.table import draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podprobe.analysis.diff import Change, Difference, Oddity, Scalar
    from podprobe.model import Snapshot
    from podprobe.report.sections import Tone

DIFF_SCHEMA = "podprobe.diff/v1"
REPLICAS_SCHEMA = "podprobe.replicas/v1"
_SIGNS: dict[str, tuple[str, Tone]] = {
    "appeared": ("+ appeared", "ok"),
    "went": ("- went", "critical"),
    "changed": ("~ changed", "warning"),
}


def difference_table(
    before: Snapshot, after: Snapshot, found: Difference, *, noise: bool, color: bool, width: int | None
) -> str:
    """Changes, and how much noise there was; the noise itself where asked for."""
    parts = [
        Text(f"{_taken(before)}  →  {_taken(after)}", "bold"),
        Text(_tally(found.changes), ""),
    ]
    if found.changes:
        parts += [Text(), *_lines(found.changes, width)]
    if noise and found.noise:
        parts += [Text(), Text("Noise", "bold underline"), *_lines(found.noise, width)]
    elif found.noise:
        count = len(found.noise)
        parts.append(Text(f"{count} counters, times and fill levels differ too: --noise", "dim"))
    return draw(parts, color=color, width=width)


def difference_json(before: Snapshot, after: Snapshot, found: Difference, *, noise: bool) -> str:
    """The same for programs."""
    return _json(
        {
            "schema": DIFF_SCHEMA,
            "before": _identity(before),
            "after": _identity(after),
            "changes": found.changes,
            "noise": found.noise if noise else [],
            "noise_count": len(found.noise),
        }
    )


def replicas_table(
    looked: Mapping[str, Snapshot],
    failed: Mapping[str, str],
    oddities: Iterable[Oddity],
    *,
    color: bool,
    width: int | None,
) -> str:
    """Which replica differs from its siblings, and in what."""
    rows = [
        Row(
            (
                cell(oddity.replica, 253),
                cell(oddity.area),
                cell(oddity.subject),
                cell(field_words(oddity.field)) if oddity.field else Cell(""),
                cell(_here(oddity, oddity.here), tone="warning"),
                cell(_here(oddity, oddity.elsewhere)),
                Cell(str(oddity.siblings), oddity.siblings),
            )
        )
        for oddity in oddities
    ]
    columns = (
        Column("replica"),
        Column("what"),
        Column("which"),
        Column("field"),
        Column("here"),
        Column("in the others"),
        Column("others", 1, right=True),
    )
    odd = len({row.cells[0].text for row in rows})
    words = (
        f"{odd} of {len(looked)} replicas differ{'s' if odd == 1 else ''}"
        if odd
        else f"{len(looked)} replicas alike"
    )
    parts = [Text(words, "bold")]
    parts += [
        Text(f"✖ {neutral(name, 253)} was not looked at: {neutral(why)}") for name, why in failed.items()
    ]
    if rows:
        section = Section("replicas", "Replicas", columns, tuple(rows))
        parts += [Text(), *layout.lines(section, section.rows, width)]
    return draw(parts, color=color, width=width)


def replicas_json(
    looked: Mapping[str, Snapshot], failed: Mapping[str, str], oddities: Iterable[Oddity]
) -> str:
    """The same for programs."""
    return _json(
        {
            "schema": REPLICAS_SCHEMA,
            "replicas": [{"name": name, **_identity(snapshot)} for name, snapshot in looked.items()],
            "failed": [{"name": name, "reason": why} for name, why in failed.items()],
            "oddities": list(oddities),
        }
    )


def sentence(change: Change) -> str:
    """One change in words, for a log or a screen reader: `listener tcp [::]:9090 appeared`."""
    about = f"{change.area} {neutral(change.subject, 160)}"
    if change.kind != "changed":
        return f"{about} {change.kind if change.kind == 'appeared' else 'is gone'}"
    field = neutral(field_words(change.field or ""), 60)
    before, after = (neutral(value, 160) for value in before_and_after(change))
    if before.startswith("- ") or after.startswith("+ "):
        return f"{about}: {field}: {', '.join(filter(None, (before, after)))}"
    return f"{about}: {field} was {before}, is {after}"


def _lines(changes: Iterable[Change], width: int | None) -> Iterable[Text]:
    rows = []
    for change in changes:
        sign, tone = _SIGNS[change.kind]
        values = before_and_after(change) if change.kind == "changed" else ("", "")
        rows.append(
            Row(
                (
                    Cell(sign, tone=tone),
                    cell(change.area),
                    cell(change.subject),
                    cell(field_words(change.field or "")),
                    *map(cell, values),
                )
            )
        )
    columns = (
        Column(""),
        Column("what"),
        Column("which"),
        Column("field"),
        Column("before"),
        Column("after"),
    )
    section = Section("changes", "Changes", columns, tuple(rows))
    return layout.lines(section, section.rows, width)


def _tally(changes: Iterable[Change]) -> str:
    counts = Counter(change.kind for change in changes)
    words = [f"{counts[kind]} {kind}" for kind in ("appeared", "went", "changed") if counts[kind]]
    return ", ".join(words) or "no difference"


def _here(oddity: Oddity, value: Scalar) -> str:
    if oddity.field is None:
        return "there" if value else "absent"
    return value_words(oddity.field, value)


def _taken(snapshot: Snapshot) -> str:
    return f"{summary.label(snapshot)} at {units.moment(neutral(snapshot.taken_at, 40))}"


def _identity(snapshot: Snapshot) -> dict[str, Any]:
    target = snapshot.target
    return {
        "namespace": target.namespace,
        "pod": target.pod,
        "uid": target.uid,
        "taken_at": snapshot.taken_at,
    }


def _json(data: dict[str, Any]) -> str:
    return json_text(data) + "\n"
