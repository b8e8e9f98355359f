"""The details of a finding, and the findings about anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from podprobe.report.neutral import neutral
from podprobe.tui.details import objects, trends
from podprobe.tui.details.blocks import MOST_LINKS, Block, Bullets, Details, Facts, Links, Text
from podprobe.tui.details.titles import title
from podprobe.tui.drawing import Line, mark_of_severity, said

if TYPE_CHECKING:
    from podprobe.model import Finding
    from podprobe.tui import keys
    from podprobe.tui.details.objects import Found
    from podprobe.tui.drawing import Target
    from podprobe.tui.state import State


def of_finding(found: Found, state: State) -> Details:
    """Evidence, remedy, the plots of what it points at, and the way there."""
    finding: Finding = found.item
    links: list[tuple[Line, Target]] = []
    for pointer in finding.pointers:
        there = objects.at(state.snapshot, pointer)
        if there is not None and there.key not in {target for _, target in links}:
            links.append((title(there), there.key))
    known: list[tuple[str, Line]] = [("subject", (said(finding.subject, "strong"),))]
    if finding.containers:
        known.append(("containers", (said(", ".join(finding.containers), "container"),)))
    blocks: list[Block] = [
        Facts("", tuple(known)),
        Bullets("Evidence", tuple(neutral(one, 600) for one in finding.evidence)),
        Bullets("What to do", (neutral(finding.remedy, 1200),)),
    ]
    # The plots of what the finding points at: has it just begun, or is it always so?
    for _, target in links[:2]:
        there = objects.find(state.snapshot, cast("keys.Key", target))
        # A container's memory and CPU say something of findings about these, and nothing of a port.
        if there is not None and (there.key[0] != "container" or finding.code.startswith(("RES", "PRC"))):
            blocks += trends.plots(there, state)[:2]
    blocks += [
        Links("Where it was seen", tuple(links)),
        Text(
            f"{finding.severity} · more: podprobe explain {neutral(finding.code)} · {neutral(finding.docs)}",
            "dim",
        ),
    ]
    return Details(title(found), tuple(blocks))


def about(found: Found, state: State) -> list[Block]:
    """Links to the findings that point at it, or at a part of it; none where there are none."""
    those = [
        finding
        for finding in state.snapshot.findings
        if any(_leads_to(pointer, found.pointer) for pointer in finding.pointers)
        or (found.key[0] == "container" and found.key[1] in finding.containers)
    ]
    if not those:
        return []
    rows = tuple(
        (
            (mark_of_severity(one.severity), said(f" {one.code}  "), said(f"{one.title}: {one.subject}")),
            ("finding", one.code, one.subject),
        )
        for one in those[:MOST_LINKS]
    )
    return [Links("Findings", rows)]


def _leads_to(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(place + "/")
