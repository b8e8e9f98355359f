"""How names are resolved in the Pod, and what lookups brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.dns import fate, is_trouble, told
from podprobe.report.sections.base import Cell, Column, Marks, Section, count, section, text, time, words

if TYPE_CHECKING:
    from podprobe.model import Lookup, Snapshot
    from podprobe.report.sections.base import Tone


def resolvers(snapshot: Snapshot, marks: Marks) -> Section:
    """The settings by which names are resolved."""
    rows = [
        marks.row(
            f"/dns/{index}",
            words(found.containers),
            words(found.servers),
            words(found.search, 200),
            count(found.ndots),
            count(found.outside_queries),
            Cell(f"{found.timeout_seconds} s × {found.attempts}"),
            text(found.library),
        )
        for index, found in enumerate(snapshot.dns)
    ]
    columns = (
        Column("containers"),
        Column("name servers"),
        Column("search list"),
        Column("ndots", 1, right=True),
        Column("names asked for example.com", 2, right=True),
        Column("waits", 1),
        Column("library", 1),
    )
    return section("resolvers", "Name resolution", columns, rows)


def lookups(snapshot: Snapshot, marks: Marks) -> Section:
    """What was looked up from inside the Pod."""
    rows = []
    for index, dns in enumerate(snapshot.dns):
        for number, found, types in told(dns):
            outcome = text(f"{_sign(found)} {fate(found)}", tone=_tone(found))
            rows.append(
                marks.row(
                    f"/dns/{index}/lookups/{number}",
                    text(found.name, 120),
                    Cell(types),
                    outcome,
                    words(found.addresses),
                    count(found.queries),
                    time(found.time_us),
                    text(found.server, 60),
                    words(dns.containers),
                )
            )
    columns = (
        Column("name"),
        Column("type"),
        Column("outcome"),
        Column("addresses", 1),
        Column("names asked", right=True),
        Column("time", right=True),
        Column("name server", 2),
        Column("as in", 3),
    )
    return section("lookups", "Lookups from inside the Pod", columns, rows)


def _sign(found: Lookup) -> str:
    return "✖" if is_trouble(found) else "●" if found.outcome == "ok" else "○"


def _tone(found: Lookup) -> Tone:
    return "warning" if is_trouble(found) else "ok" if found.outcome == "ok" else "dim"
