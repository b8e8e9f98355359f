"""`-o markdown`: to paste into an issue or a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.report import summary, units
from podprobe.report.neutral import neutral, spans
from podprobe.report.sections import sections
from podprobe.report.sections.base import SEVERITY_RANK, SEVERITY_SIGN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Finding, Snapshot
    from podprobe.report import Look, Missed
    from podprobe.report.sections import Section

_MOST_ROWS = 50
_PLAIN = re.compile(r"[\w ,.:;/()%+≥<>→µ–─▶●○✖▲■'=?-]*")
"""Text that Markdown shows as it is, once `<` and `_` are escaped."""
_LINKED = re.compile(r"https?:|www\.|[\w.+-]+@|_.*_", re.IGNORECASE)
"""What GitHub would make a link of, or emphasis."""


def inline(text: str) -> str:
    """Text, neutralised already, in a line or table cell of Markdown: as it is where that is plain, else as code."""
    if _PLAIN.fullmatch(text) and not _LINKED.search(text):
        return text.replace("<", "&lt;").replace(">", "&gt;").replace("_", "\\_")
    return _code(text)


def _code(text: str) -> str:
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _cell(text: str) -> str:
    """A pipe ends a table's cell even inside code."""
    return inline(text).replace("|", "\\|")


def prose(text: str) -> str:
    """A sentence, neutralised already, whose code is between backticks."""
    return "".join(_code(piece) if code else _outside(piece) for code, piece in spans(text))


def _outside(piece: str) -> str:
    """Spaces at a piece's ends must not move into code."""
    words = piece.strip(" ")
    lead = piece[: len(piece) - len(piece.lstrip(" "))]
    return f"{lead}{inline(words)}{piece[len(lead) + len(words) :]}"


def document(snapshot: Snapshot) -> str:
    """One Pod."""
    return "\n".join([*_head(snapshot), *_findings(snapshot), *_sections(snapshot)]) + "\n"


def _head(snapshot: Snapshot) -> Iterator[str]:
    target = snapshot.target
    yield f"## {inline(summary.label(snapshot))}"
    yield ""
    facts = [
        f"node {inline(neutral(target.node, 63))}" if target.node else "",
        inline(neutral(target.phase or "", 20)),
        f"taken {inline(units.moment(neutral(snapshot.taken_at, 40)))}",
        f"podprobe {inline(neutral(snapshot.tool.version, 40))}",
    ]
    yield ", ".join(filter(None, facts))
    yield ""


def _findings(snapshot: Snapshot) -> Iterator[str]:
    ordered = sorted(snapshot.findings, key=lambda found: (SEVERITY_RANK[found.severity], found.code))
    if not any(found.severity != "info" for found in ordered):
        seen = all(part.level == "full" for part in snapshot.visibility)
        yield f"**{'Nothing wrong.' if seen else 'Nothing wrong in what was seen.'}**"
        yield ""
    for found in ordered:
        yield from _finding(found)
    if accepted := summary.ignored_of(snapshot):
        yield f"- · {inline(accepted)}"
    if ordered or accepted:
        yield ""


def _finding(found: Finding) -> Iterator[str]:
    sign = SEVERITY_SIGN[found.severity]
    title, subject = inline(neutral(found.title, 200)), inline(neutral(found.subject, 160))
    yield f"- {sign} **{inline(neutral(found.code, 20))}** {found.severity}: {title} ({subject})"
    if found.severity == "info":
        return
    for fact in found.evidence[:10]:
        yield f"  - {prose(neutral(fact))}"
    yield f"  - → {prose(neutral(found.remedy, 600))}"


def _sections(snapshot: Snapshot) -> Iterator[str]:
    for section in sections(snapshot):
        opened = " open" if section.name == "map" else ""
        yield f"<details{opened}><summary>{section.title} ({len(section.rows)})</summary>"
        yield ""
        if section.note:
            yield f"{section.note}."
            yield ""
        yield from table(section)
        yield ""
        yield "</details>"
        yield ""


def table(section: Section) -> Iterator[str]:
    """A section as a Markdown table."""
    yield "| | " + " | ".join(column.title for column in section.columns) + " |"
    yield "|---|" + "|".join("---:" if column.right else "---" for column in section.columns) + "|"
    for row in section.rows[:_MOST_ROWS]:
        sign = SEVERITY_SIGN[row.severity] if row.severity else ""
        yield f"| {sign} | " + " | ".join(_cell(cell.text) for cell in row.cells) + " |"
    if len(section.rows) > _MOST_ROWS:
        yield ""
        yield f"… {len(section.rows) - _MOST_ROWS} more"


class _Documents:
    def __init__(self, many: bool) -> None:
        self._lines: list[summary.PodLine] | None = [] if many else None

    def add(self, snapshot: Snapshot) -> str:
        if self._lines is not None:
            self._lines.append(summary.line(snapshot))
        return document(snapshot) + "\n"

    def failed(self, missed: Missed) -> str:
        line = summary.failure(missed.label, missed.reason)
        if self._lines is not None:
            self._lines.append(line)
        return f"## {inline(line.label)}\n\n**Not looked at:** {inline(line.worst)}\n\n"

    def end(self) -> str:
        if self._lines is None:
            return ""
        section = summary.section(self._lines)
        return "\n".join(["## All Pods", "", f"{section.note}.", "", *table(section)]) + "\n"


def make(look: Look) -> _Documents:
    """See `podprobe.report.renderer`."""
    return _Documents(look.many)
