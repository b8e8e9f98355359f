"""The kernel's counters of the network namespace, with their rates; those of trouble first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said, spark
from podprobe.tui.views.table import Column, Section, number_column

if TYPE_CHECKING:
    from podprobe.tui.state import State

_TROUBLE = (
    "RetransSegs",
    "OutRsts",
    "AttemptFails",
    "ListenOverflows",
    "ListenDrops",
    "TCPTimeouts",
    "InErrs",
    "RcvbufErrors",
    "SndbufErrors",
    "TCPAbortOnMemory",
    "TCPBacklogDrop",
    "TCPReqQFullDrop",
    "TCPZeroWindowDrop",
)


class CounterRow(NamedTuple):
    """A kernel counter and its rate."""

    name: str
    value: int
    rate: float | None


def section(state: State) -> Section:
    """All that were read."""
    counters = state.snapshot.network.counters
    items = [CounterRow(name, value, counters.rates.get(name)) for name, value in counters.values.items()]
    items.sort(key=lambda row: (not is_trouble(row), not row.value, row.name))

    def name(row: CounterRow) -> Line:
        hot = is_trouble(row) and bool(row.rate)
        return Span("▲ " if hot else "  ", "warning"), said(row.name, "warning" if hot else "")

    def trend(row: CounterRow) -> Line:
        return (Span(spark(state.history.series(keys.of_counter(row.name), "rate"), 16), "plot"),)

    columns = (
        Column("counter", name, lambda row: row.name, least=18, most=36),
        number_column("since start", lambda row: row.value, least=11),
        number_column("per second", lambda row: row.rate, lambda value: f"{value:,.1f}", least=10),
        Column("lately", trend, None, least=16, most=16, rank=1),
    )
    return Section(
        "Kernel counters of the network namespace",
        columns,
        items,
        lambda row: keys.of_counter(row.name),
        lambda row: f"counter {row.name}",
        empty="not read yet",
    )


def is_trouble(row: CounterRow) -> bool:
    """A counter that counts something gone wrong."""
    return row.name.rpartition(".")[2] in _TROUBLE
