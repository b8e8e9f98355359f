"""The network interfaces of the Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import Interface
    from podprobe.tui.state import State


def section(state: State) -> Section:
    """Loopback, and what leads out of the Pod."""

    def troubles(one: Interface) -> int | None:
        parts = [one.receive_errors, one.send_errors, one.receive_drops, one.send_drops]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None

    columns = (
        text_column("interface", lambda one: one.name, least=8, most=16),
        Column("state", _up, lambda one: str(one.up), least=6, most=8),
        text_column("addresses", lambda one: "  ".join(one.addresses) or None, least=14, most=50),
        number_column("received", lambda one: one.received_bytes, units.size, least=8),
        number_column("sent", lambda one: one.sent_bytes, units.size, least=8),
        number_column(
            "errors+drops", troubles, role=lambda one: "warning" if troubles(one) else "dim", least=12, rank=1
        ),
        number_column("mtu", lambda one: one.mtu, str, rank=2),
    )
    return Section(
        "Interfaces",
        columns,
        state.snapshot.network.interfaces,
        keys.of_interface,
        lambda one: f"interface {one.name} {' '.join(one.addresses)}",
        empty="not read yet",
    )


def _up(one: Interface) -> Line:
    if one.up is None:
        return (Span(units.ABSENT, "dim"),)
    return (Span("● up", "ok") if one.up else Span("○ down", "warning"),)
