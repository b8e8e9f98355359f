"""The findings: always in sight, critical first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, cut, fit, length, mark_of_severity, said

if TYPE_CHECKING:
    from podprobe.model import Finding
    from podprobe.tui.state import State

_ROOMY, _HINTED = 160, 130
"""Cells from which there is room for the title beside the evidence, and for what enter does."""
ORDER = {"critical": 0, "warning": 1, "info": 2}


def ordered(state: State) -> list[Finding]:
    """Those of the containers in focus, critical first."""
    found = [
        one
        for one in state.snapshot.findings
        if state.focus is None or not one.containers or state.focus in one.containers
    ]
    return sorted(found, key=lambda one: ORDER[one.severity])


def title(state: State) -> str:
    """Of the panel."""
    return "Findings" if state.focus is None else "Findings of the container in focus"


def draw(state: State, width: int) -> list[Line]:
    """A line for each."""
    found = ordered(state)
    if not found:
        if state.declared:
            return [(Span(" ◌ ", "dim"), Span("nothing judged yet: no agent has answered", "dim"))]
        part = [one for one in state.snapshot.visibility if one.level != "full"]
        unseen = f"; {len(part)} things could not be seen (v)" if part else ""
        return [
            (Span(" ● ", "ok"), Span("nothing found wrong", "ok"), Span(unseen, "dim")),
            *_ignored(state, width),
        ]
    hint: Line = (Span("  enter: evidence and remedy ", "dim"),)
    lines = []
    for number, finding in enumerate(found):
        mark = mark_of_severity(finding.severity)
        line: Line = (Span(" "), mark, Span(" "), said(finding.code, finding.severity), Span("  "))
        if width >= _ROOMY or not finding.evidence:
            line = (*line, said(finding.title), Span("  "), said(finding.subject, "strong"), Span("  "))
            line = (*line, said(finding.evidence[0] if finding.evidence else "", "dim"))
        else:
            # The sentence names what it is about, and holds the number: a title before it would push both out.
            line = (*line, said(finding.evidence[0]))
            whole: Line = (*line, Span("  "), said(finding.title, "dim"))
            line = whole if length(whole) <= width else line
        if number == 0 and width >= _HINTED:
            line = (*fit(line, width - length(hint)), *hint)
        aimed = tuple(
            piece._replace(target=keys.of_finding(finding)) for piece in fit(cut(line, width), width)
        )
        lines.append(aimed)
    return [*lines, *_ignored(state, width)]


def _ignored(state: State, width: int) -> list[Line]:
    """How many the configuration accepts, and why."""
    if not state.snapshot.ignored:
        return []
    # Not at the top: what a report's summary is made of takes longer to import than the first paint may wait.
    from podprobe.report import summary

    return [cut((Span(" · ", "dim"), Span(summary.ignored_of(state.snapshot), "dim")), width)]
