"""The kernel's limits for the namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Span, bar, role_of_share
from podprobe.tui.views.ipc.cells import searchable
from podprobe.tui.views.table import Column, Section, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Limit


def limits_section(limits: Sequence[Limit]) -> Section:
    """Each limit, and how much of it is used."""

    def share(one: Limit) -> float | None:
        return one.used / one.limit if one.used is not None and one.limit else None

    def amount(one: Limit, value: int | None) -> str:
        if value is not None and value >= 1 << 60:
            return "unlimited"
        return (
            units.size(value) if one.name.endswith("bytes") or one.name == "msgmnb" else units.number(value)
        )

    columns = (
        text_column("limit", lambda one: one.name, least=12, most=20),
        Column(
            "used",
            lambda one: (Span(amount(one, one.used), role_of_share(share(one))),),
            None,
            right=True,
            least=8,
        ),
        Column("of", lambda one: (Span(amount(one, one.limit), "dim"),), None, right=True, least=9),
        Column("", lambda one: bar(share(one), 16), share, least=16, most=16, rank=1),
    )
    return Section(
        "Kernel limits of the namespace",
        columns,
        limits,
        keys.of_limit,
        lambda one: searchable("limit", one.name),
        empty="not read yet",
    )
