"""`-o table`: for the eye, on a terminal or in a pipe. What is wrong comes first."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from podprobe.report import layout, summary, units
from podprobe.report.layout import STYLE, wrap
from podprobe.report.neutral import neutral
from podprobe.report.sections import sections
from podprobe.report.sections.base import SEVERITY_RANK, SEVERITY_SIGN

if TYPE_CHECKING:
    from podprobe.model import Finding, Snapshot
    from podprobe.report import Look, Missed

MOST_ROWS = 25
"""Rows of one section; the rest is for `-o json` and `-o html`."""
MOST_FACTS = 6


def page(snapshot: Snapshot, *, color: bool = False, width: int | None = None) -> str:
    """One Pod on a page."""
    return draw(
        [*_head(snapshot), *_findings(snapshot, width), *_sections(snapshot, width), *_unjudged(snapshot)],
        color=color,
        width=width,
    )


def draw(parts: list[Text], *, color: bool, width: int | None) -> str:
    """Draw with rich, independent of this process's environment and terminal."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or 80,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part, soft_wrap=width is None or bool(part.no_wrap))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _head(snapshot: Snapshot) -> list[Text]:
    target = snapshot.target
    node = f" @ {neutral(target.node, 63)}" if target.node else ""
    facts = [
        *(neutral(ip, 45) for ip in target.ips[:2]),
        neutral(target.phase or "", 20),
        _plural(sum(container.kind != "ephemeral" for container in snapshot.containers), "container"),
        f"looked {snapshot.duration_ms / 1000:.1f} s at {units.moment(neutral(snapshot.taken_at, 40))}",
    ]
    first = Text(summary.label(snapshot), "bold")
    first.append(node, "")
    accepted = summary.ignored_of(snapshot)
    return [
        first,
        Text("  ".join(filter(None, facts)), "dim"),
        verdict(snapshot),
        *([Text(f"· {accepted}", "dim")] if accepted else []),
    ]


def verdict(snapshot: Snapshot) -> Text:
    """How many findings of each severity, or that there is nothing, as far as was seen."""
    findings = snapshot.findings
    counts = {severity: sum(found.severity == severity for found in findings) for severity in SEVERITY_RANK}
    line = Text()
    for severity, count in counts.items():
        if count:
            word = severity if severity != "warning" else "warning" + "s" * (count != 1)
            line.append(f"{SEVERITY_SIGN[severity]} {count} {word}", STYLE[severity])
            line.append("   ")
    if not counts["critical"] and not counts["warning"]:
        whole = all(part.level == "full" for part in snapshot.visibility)
        words = Text(
            "● nothing wrong" if whole else "○ nothing wrong in what was seen", "green" if whole else ""
        )
        line = words.append("   ").append_text(line)
    line.rstrip()
    return line


def _findings(snapshot: Snapshot, width: int | None) -> list[Text]:
    parts: list[Text] = []
    ordered = sorted(snapshot.findings, key=lambda found: (SEVERITY_RANK[found.severity], found.code))
    for found in ordered:
        if found.severity == "info":
            continue
        parts += [Text(), _finding_line(found)]
        for fact in found.evidence[:MOST_FACTS]:
            parts += _indented(neutral(fact), width)
        parts += _indented(f"→ {neutral(found.remedy, 600)}", width)
    infos = [found for found in ordered if found.severity == "info"]
    if infos:
        parts += [Text(), *map(_finding_line, infos[:MOST_ROWS])]
    return parts


def _indented(text: str, width: int | None) -> list[Text]:
    return [Text(f"    {line}") for line in wrap(text, width and width - 4)]


def _finding_line(found: Finding) -> Text:
    style = STYLE[found.severity]
    line = Text(f"{SEVERITY_SIGN[found.severity]} {neutral(found.code, 20)}", style)
    line.append(f"  {neutral(found.title, 200)}", "" if found.severity == "info" else "bold")
    if found.subject and found.subject not in found.title:
        line.append(f"  {neutral(found.subject, 160)}", "dim")
    return line


def _sections(snapshot: Snapshot, width: int | None) -> list[Text]:
    parts: list[Text] = []
    for section in sections(snapshot):
        title = Text(section.title, "bold underline")
        if section.note:
            title.append(f"  {section.note}", "dim not underline not bold")
        parts += [Text(), title, *layout.lines(section, section.rows[:MOST_ROWS], width)]
        if len(section.rows) > MOST_ROWS:
            parts.append(Text(f"  … {len(section.rows) - MOST_ROWS} more: -o json, -o html", "dim"))
    return parts


def _unjudged(snapshot: Snapshot) -> list[Text]:
    """What a first look cannot judge: silence about it says nothing."""
    counted = snapshot.network.retransmits
    if counted is None or counted.seconds is not None:
        return []
    from podprobe.findings import RULES

    codes = sorted(code for code, rule in RULES.items() if rule.looks > 1)
    return [Text(), Text(f"Not judged by one look: {', '.join(codes)} (podprobe watch, podprobe tui)", "dim")]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class _Page:
    """One Pod on a page."""

    def __init__(self, color: bool, width: int | None) -> None:
        self._color = color
        self._width = width

    def add(self, snapshot: Snapshot) -> str:
        return page(snapshot, color=self._color, width=self._width)

    def failed(self, missed: Missed) -> str:  # noqa: ARG002  # the command says it on stderr
        return ""

    def end(self) -> str:
        return ""


class _Summary:
    """Many Pods, a line each, when all are known."""

    def __init__(self, color: bool, width: int | None) -> None:
        self._color = color
        self._width = width
        self._lines: list[summary.PodLine] = []

    def add(self, snapshot: Snapshot) -> str:
        self._lines.append(summary.line(snapshot))
        return ""

    def failed(self, missed: Missed) -> str:
        self._lines.append(summary.failure(missed.label, missed.reason))
        return ""

    def end(self) -> str:
        section = summary.section(self._lines)
        head = Text(section.note, "bold")
        rows = layout.lines(section, section.rows, self._width)
        return draw([head, Text(), *rows], color=self._color, width=self._width)


def make(look: Look) -> _Page | _Summary:
    """See `podprobe.report.renderer`."""
    return _Summary(look.color, look.width) if look.many else _Page(look.color, look.width)
