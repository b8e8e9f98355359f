"""Traffic by container, and how far the connections that are seen account for what was sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.loss import lost
from podprobe.analysis.words import UNKNOWN
from podprobe.report import shares, units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.table import Column, Section, number_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Activity, Flow, Traffic
    from podprobe.tui.state import State

    Active = Flow | Traffic

WINDOW = 60
"""Looks that the share of attributed retransmits is taken over: a single one has too few of them."""

_SCOPES = {"loopback": "loopback", "pod": "Pod address", "external": "outside"}


def attributed(state: State) -> str:
    """How many segments were sent again lately, and how many of them by connections that were still seen."""
    namespace, ours, seconds = (
        [value for value in state.history.series(keys.NETWORK, measure)[-WINDOW:] if value is not None]
        for measure in ("sent again", "attributed", "seconds")
    )
    if not seconds:
        return shares.attributed(state.snapshot.network.retransmits)
    return shares.sentence(int(sum(namespace)), int(sum(ours)), sum(seconds))


def per_second(title: str, value: Callable[[Activity], float], *, rank: int) -> Column:
    """A rate since the look before."""
    return number_column(
        title,
        lambda row: value(row.activity) if getattr(row, "activity", None) else None,
        lambda rate: f"{units.size(int(rate))}/s",
        least=10,
        rank=rank,
    )


def share_of_time(title: str, value: Callable[[Activity], int], *, rank: int) -> Column:
    """A share of the time since the look before, of one socket's; several sockets may add up to more than all of it."""
    return number_column(
        title,
        lambda row: _share(row.activity, value) if getattr(row, "activity", None) else None,
        units.ratio,
        role=lambda row: _waiting_role(row, value, title),
        least=max(6, len(title)),
        rank=rank,
    )


def _share(activity: Activity, value: Callable[[Activity], int]) -> float:
    return round(value(activity) / 1e6 / activity.seconds, 3)


def _waiting_role(row: Active, value: Callable[[Activity], int], title: str) -> str:
    waits = _share(row.activity, value) if row.activity else 0.0
    return "dim" if not waits else "warning" if title != "busy" and waits >= 0.1 else ""


RATES = (
    per_second("out", lambda one: one.bytes_sent_per_second, rank=2),
    per_second("in", lambda one: one.bytes_received_per_second, rank=2),
    share_of_time("busy", lambda one: one.busy_us, rank=3),
    share_of_time("rwnd wait", lambda one: one.receive_window_limited_us, rank=4),
    share_of_time("sndbuf wait", lambda one: one.send_buffer_limited_us, rank=5),
)
"""Since the look before: bytes; time with data in flight, and of it waiting for the receiver or the own buffer."""


def again() -> Column:
    """Segments sent again since the look before."""
    return number_column(
        "again",
        lambda row: row.activity.retransmits if getattr(row, "activity", None) else None,
        role=lambda row: "warning" if row.activity and lost(row.activity) else "dim",
        rank=3,
    )


def by_container(state: State) -> Section:
    """Each container's own sockets; loopback, the Pod's address and outside apart."""
    from podprobe.tui.views.flows import loss_mark, loss_role

    def loss(row: Traffic) -> Line:
        if row.retransmit_ratio is None:
            return (Span(units.ABSENT, "dim"),)
        return (Span(loss_mark(row) + units.ratio(row.retransmit_ratio), loss_role(row)),)

    columns = (
        Column("container", _container, lambda row: row.container or "\U0010ffff", least=10, most=30),
        Column("towards", lambda row: (Span(_SCOPES[row.scope]),), lambda row: row.scope, least=11, most=12),
        number_column("sockets", lambda row: row.sockets, least=7),
        number_column("rtt", lambda row: row.rtt_us, units.microseconds, least=7),
        Column("retrans", loss, lambda row: row.retransmit_ratio, right=True, least=8, descending=True),
        again(),
        *RATES,
    )
    return Section(
        "By container",
        columns,
        [one for one in state.snapshot.network.traffic if state.shows(one.container)],
        keys.of_traffic,
        lambda row: f"{row.container or ''} {row.scope} {_SCOPES[row.scope]}",
        note="its own sockets; rates since the look before",
        empty="no socket",
    )


def _container(row: Traffic) -> Line:
    return (said(row.container, "container"),) if row.container else (Span(UNKNOWN, "dim"),)
