"""What flows and containers did since the look before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.loss import lost
from podprobe.analysis.words import UNKNOWN
from podprobe.report import units
from podprobe.report.sections.base import (
    ABSENT,
    Cell,
    Column,
    Marks,
    Section,
    count,
    ratio,
    section,
    text,
    time,
)

if TYPE_CHECKING:
    from podprobe.model import Activity, Snapshot

RATES = (
    Column("sent/s", 4, right=True),
    Column("received/s", 4, right=True),
    Column("again", 4, right=True),
    Column("busy", 6, right=True),
    Column("rwnd / sndbuf wait", 6, right=True),
)
"""Since the look before; only where there was one."""


def rates(found: Activity | None, rated: bool) -> tuple[Cell, ...]:
    """The cells of `RATES`; none where no row of the table has any."""
    if not rated:
        return ()
    if found is None:
        return (ABSENT,) * len(RATES)
    waits = found.receive_window_limited_us + found.send_buffer_limited_us
    return (
        _per_second(found.bytes_sent_per_second),
        _per_second(found.bytes_received_per_second),
        Cell(units.number(found.retransmits), found.retransmits, "warning" if lost(found) else "plain"),
        _of_time(found.busy_us, found.seconds),
        Cell(
            f"{_of_time(found.receive_window_limited_us, found.seconds).text} / "
            f"{_of_time(found.send_buffer_limited_us, found.seconds).text}",
            waits,
        ),
    )


def _per_second(count: float) -> Cell:
    return Cell(f"{units.size(int(count))}/s", count)


def _of_time(spent_us: int, seconds: float) -> Cell:
    """A share of the time between the looks, of one socket's: several may add up to more than all of it."""
    share = round(spent_us / 1e6 / seconds, 3)
    return Cell(units.ratio(share), share)


def traffic(snapshot: Snapshot, marks: Marks) -> Section:
    """Each container's own TCP sockets; loopback, the Pod's address and outside apart."""
    rated = any(one.activity for one in snapshot.network.traffic)
    rows = [
        marks.row(
            f"/network/traffic/{index}",
            text(one.container or UNKNOWN, 63),
            Cell({"pod": "Pod address", "external": "outside"}.get(one.scope, one.scope)),
            count(one.sockets),
            time(one.rtt_us),
            count(one.segments_out),
            count(one.retransmits),
            ratio(one.retransmit_ratio),
            *rates(one.activity, rated),
        )
        for index, one in enumerate(snapshot.network.traffic)
    ]
    columns = (
        Column("container"),
        Column("towards"),
        Column("sockets", right=True),
        Column("rtt", right=True),
        Column("segments", 3, right=True),
        Column("sent again", 1, right=True),
        Column("retrans", right=True),
        *(RATES if rated else ()),
    )
    return section("traffic", "Traffic by container", columns, rows)
