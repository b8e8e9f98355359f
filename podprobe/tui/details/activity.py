"""What flows and containers did since the look before, among the details of what they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.loss import lost
from podprobe.report import units
from podprobe.tui.details.blocks import Block, Facts
from podprobe.tui.drawing import Line, Span

if TYPE_CHECKING:
    from podprobe.model import Activity
    from podprobe.tui.state import State

_SCOPES = {"loopback": "on loopback", "pod": "on the Pod's address", "external": "with the outside"}


def facts(activity: Activity | None, title: str = "") -> list[Block]:
    """Bytes, segments sent again, and what the senders waited for; none at the first look."""
    if activity is None:
        return []
    seconds = activity.seconds
    rows: tuple[tuple[str, Line], ...] = (
        ("sent", (Span(f"{units.size(int(activity.bytes_sent_per_second))}/s"),)),
        ("received", (Span(f"{units.size(int(activity.bytes_received_per_second))}/s"),)),
        ("data segments", (Span(units.number(activity.segments)),)),
        ("sent again", _again(activity)),
        ("data in flight", _share(activity.busy_us, seconds)),
        ("waiting for the receiver", _share(activity.receive_window_limited_us, seconds)),
        ("waiting for its own buffer", _share(activity.send_buffer_limited_us, seconds)),
    )
    about = f" {title}" if title else ""
    return [Facts(f"Since the look before, {seconds:.3g} s{about}", rows)]


def of_container(name: str, state: State) -> list[Block]:
    """Its own sockets, loopback and outside apart."""
    return [
        block
        for one in state.snapshot.network.traffic
        if one.container == name
        for block in facts(one.activity, _SCOPES[one.scope])
    ]


def _again(activity: Activity) -> Line:
    share = "" if activity.retransmit_ratio is None else f", {units.ratio(activity.retransmit_ratio)}"
    return (Span(f"{units.number(activity.retransmits)}{share}", "warning" if lost(activity) else ""),)


def _share(spent_us: int, seconds: float) -> Line:
    text = units.microseconds(spent_us)
    return (
        Span(f"{text}, {units.ratio(round(spent_us / 1e6 / seconds, 3))} of the time" if spent_us else "0"),
    )
