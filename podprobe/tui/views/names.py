"""How names are resolved in the Pod, and what lookups from inside it brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.dns import fate, is_trouble, told
from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import Dns, Lookup
    from podprobe.tui.state import State

_SLOW_US = 500_000


class LookupRow(NamedTuple):
    """A lookup, and by whose settings."""

    dns: Dns
    lookup: Lookup
    types: str


def sections(state: State) -> list[Section]:
    """Lookups, and the settings; nothing before an agent has read them."""
    found = [one for one in state.snapshot.dns if state.focus is None or state.focus in one.containers]
    if not found:
        return []
    rows = [LookupRow(one, lookup, types) for one in found for _, lookup, types in told(one)]
    return [_lookups(rows, several=len(found) > 1), _resolvers(found)]


def outcome(lookup: Lookup) -> Line:
    """By sign, colour and words."""
    if is_trouble(lookup):
        return (Span(f"✖ {fate(lookup)}", "warning"),)
    if lookup.outcome == "ok":
        return (Span("● found", "ok"),)
    return (Span(f"○ {fate(lookup)}", "dim"),)


def _lookups(items: list[LookupRow], *, several: bool) -> Section:
    columns = (
        text_column("name", lambda row: row.lookup.name, least=18, most=40),
        text_column("type", lambda row: row.types, least=4, most=10),
        Column("outcome", lambda row: outcome(row.lookup), lambda row: row.lookup.outcome, least=14, most=25),
        number_column("asked", lambda row: row.lookup.queries, least=5),
        number_column(
            "time",
            lambda row: row.lookup.time_us,
            units.microseconds,
            role=lambda row: "warning" if row.lookup.time_us >= _SLOW_US else "",
            least=7,
        ),
        text_column(
            "addresses", lambda row: "  ".join(row.lookup.addresses) or None, least=12, most=40, rank=1
        ),
        text_column("answered by", lambda row: row.lookup.server, least=11, most=24, rank=2, role="dim"),
        *(
            [text_column("as in", lambda row: ", ".join(row.dns.containers), least=8, most=24, rank=1)]
            if several
            else []
        ),
    )
    return Section(
        "Lookups from inside the Pod",
        columns,
        items,
        lambda row: keys.of_lookup(row.dns, row.lookup),
        lambda row: (
            f"dns lookup {row.lookup.name} {row.lookup.type} {row.lookup.outcome} {row.lookup.server}"
        ),
        empty="none: passive, no name server, or none of the cluster's",
    )


def _resolvers(items: list[Dns]) -> Section:
    columns = (
        text_column("name servers", lambda one: "  ".join(one.servers) or None, least=12, most=34),
        number_column("ndots", lambda one: one.ndots, least=5),
        text_column("search list", lambda one: "  ".join(one.search) or None, least=16, most=60),
        number_column("example.com", lambda one: one.outside_queries, _names, least=11, rank=1),
        text_column(
            "waits",
            lambda one: f"{one.timeout_seconds} s × {one.attempts}",
            least=7,
            most=8,
            rank=1,
            role="dim",
        ),
        text_column("library", lambda one: one.library, least=7, most=7, rank=2, role="dim"),
        text_column(
            "containers", lambda one: ", ".join(one.containers), least=10, most=30, rank=3, role="container"
        ),
    )
    return Section(
        "Name resolution (resolv.conf)",
        columns,
        items,
        keys.of_resolver,
        lambda one: (
            f"dns resolv.conf {' '.join(one.servers)} {' '.join(one.search)} {' '.join(one.containers)}"
        ),
    )


def _names(number: float) -> str:
    """How many names are asked for on the way to one outside the cluster."""
    return "1 name" if number == 1 else f"{number:g} names"
