"""`-o table`: for the eye, on a terminal or in a pipe. What is wrong comes first."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from podprobe.report import units
from podprobe.report.neutral import neutral
from podprobe.report.sections import sections
from podprobe.report.sections.base import SEVERITY_RANK, SEVERITY_SIGN

if TYPE_CHECKING:
    from podprobe.model import Finding, Severity, Snapshot
    from podprobe.report.sections import Row, Section, Tone

MOST_ROWS = 25
"""Rows of one section; the rest is for `-o json` and `-o html`."""
_GAP = 2
_UNLIMITED = 4000
_STYLE: dict[Tone, str] = {
    "plain": "",
    "dim": "dim",
    "ok": "green",
    "info": "blue",
    "warning": "yellow",
    "critical": "bold red",
}


def page(snapshot: Snapshot, *, color: bool = False, width: int | None = None) -> str:
    """One Pod on a page."""
    return draw(
        [*_head(snapshot), *_findings(snapshot), *_sections(snapshot, width)], color=color, width=width
    )


def draw(parts: list[Text | Table | Padding], *, color: bool, width: int | None) -> str:
    """Draw with rich, independent of this process's environment and terminal."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or _UNLIMITED,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text) and width is None)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _head(snapshot: Snapshot) -> list[Text]:
    target = snapshot.target
    name = f"{target.namespace}/{target.pod}" if target.namespace else target.pod
    node = f" @ {neutral(target.node, 63)}" if target.node else ""
    facts = [
        *(neutral(ip, 45) for ip in target.ips[:2]),
        neutral(target.phase or "", 20),
        _plural(sum(container.kind != "ephemeral" for container in snapshot.containers), "container"),
        f"looked {snapshot.duration_ms / 1000:.1f} s at {units.moment(neutral(snapshot.taken_at, 40))}",
    ]
    first = Text(neutral(name, 200), "bold")
    first.append(node, "")
    return [first, Text("  ".join(filter(None, facts)), "dim"), verdict(snapshot.findings)]


def verdict(findings: tuple[Finding, ...]) -> Text:
    """How many findings of each severity, or that there is nothing."""
    counts = {severity: sum(found.severity == severity for found in findings) for severity in SEVERITY_RANK}
    line = Text()
    for severity, count in counts.items():
        if count:
            word = severity if severity != "warning" else "warning" + "s" * (count != 1)
            line.append(f"{SEVERITY_SIGN[severity]} {count} {word}", _STYLE[severity])
            line.append("   ")
    if not counts["critical"] and not counts["warning"]:
        line = Text("● nothing wrong", "green") + (Text("   ") + line if line else Text())
    line.rstrip()
    return line


def _findings(snapshot: Snapshot) -> list[Text | Padding]:
    parts: list[Text | Padding] = []
    ordered = sorted(snapshot.findings, key=lambda found: (SEVERITY_RANK[found.severity], found.code))
    for found in ordered:
        if found.severity == "info":
            continue
        parts += [Text(), _finding_line(found)]
        facts = Text("\n".join(neutral(fact) for fact in found.evidence[:6]))
        if facts:
            parts.append(Padding(facts, (0, 0, 0, 4), expand=False))
        parts.append(Padding(Text(f"→ {neutral(found.remedy, 600)}"), (0, 0, 0, 4), expand=False))
    infos = [found for found in ordered if found.severity == "info"]
    if infos:
        parts += [Text(), *map(_finding_line, infos[:MOST_ROWS])]
    return parts


def _finding_line(found: Finding) -> Text:
    style = _STYLE[found.severity]
    line = Text(f"{SEVERITY_SIGN[found.severity]} {neutral(found.code, 20)}", style)
    line.append(f"  {neutral(found.title, 200)}", "" if found.severity == "info" else "bold")
    if found.subject and found.subject not in found.title:
        line.append(f"  {neutral(found.subject, 160)}", "dim")
    return line


def _sections(snapshot: Snapshot, width: int | None) -> list[Text | Table]:
    parts: list[Text | Table] = []
    for section in sections(snapshot):
        title = Text(section.title, "bold underline")
        if section.note:
            title.append(f"  {section.note}", "dim not underline not bold")
        parts += [Text(), title, table(section, width)]
        if len(section.rows) > MOST_ROWS:
            parts.append(Text(f"  … {len(section.rows) - MOST_ROWS} more: -o json, -o html", "dim"))
    return parts


def table(section: Section, width: int | None) -> Table:
    """A section as a table; where it is too wide, the columns that matter least are left out."""
    rows = section.rows[:MOST_ROWS]
    shown = _fitting(section, rows, width)
    drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    drawn.add_column("", no_wrap=True, width=1)
    for index in shown:
        column = section.columns[index]
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
    for row in rows:
        cells = (Text(row.cells[index].text, _STYLE[row.cells[index].tone]) for index in shown)
        drawn.add_row(_mark(row.severity), *cells)
    return drawn


def _mark(severity: Severity | None) -> Text:
    return Text(SEVERITY_SIGN[severity], _STYLE[severity]) if severity else Text(" ")


def _fitting(section: Section, rows: tuple[Row, ...], width: int | None) -> list[int]:
    """The columns to show: all, or those of the lowest ranks that fit `width`."""
    shown = list(range(len(section.columns)))
    if width is None:
        return shown
    needed = [
        max([Text(column.title).cell_len, *(Text(row.cells[index].text).cell_len for row in rows)]) + _GAP
        for index, column in enumerate(section.columns)
    ]
    while sum(needed[index] for index in shown) + 1 + _GAP > width:
        last = max(shown, key=lambda index: section.columns[index].rank)
        if section.columns[last].rank == 0:
            break
        shown.remove(last)
    return shown


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class _Pages:
    """One Pod on a page, or many, a line each."""

    def __init__(self, color: bool, width: int | None) -> None:
        self._color = color
        self._width = width

    def add(self, snapshot: Snapshot) -> str:
        return page(snapshot, color=self._color, width=self._width)

    def failed(self, label: str, reason: str) -> str:  # noqa: ARG002
        return ""

    def end(self) -> str:
        return ""


def make(*, color: bool, width: int | None, many: bool) -> _Pages:  # noqa: ARG001
    """See `podprobe.report.renderer`."""
    return _Pages(color, width)
