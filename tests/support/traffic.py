"""Two looks at a Pod with traffic between them."""

from __future__ import annotations

import msgspec

from podprobe.analysis.activity import with_activity
from podprobe.model import Counters, Snapshot
from tests.support.samples import troubled_pod

replace = msgspec.structs.replace


def later(pod: Snapshot, second: int, again: int) -> Snapshot:
    """The Pod so many seconds after, each socket having sent 2,000 bytes a second and, the first, segments again."""
    connections = tuple(
        replace(
            one,
            bytes_sent=(one.bytes_sent or 0) + 2_000 * second,
            retransmits=(one.retransmits or 0) + (again if number == 0 else 0),
            receive_window_limited_us=250_000 * second,
        )
        for number, one in enumerate(pod.network.connections)
    )
    values = {**pod.network.counters.values, "Tcp.RetransSegs": 500 + 2 * again}
    return replace(
        pod,
        taken_at=f"2026-03-01T03:13:{second:02}Z",
        network=replace(pod.network, connections=connections, counters=Counters(values=values)),
    )


def looks() -> list[Snapshot]:
    """Two seconds apart; half of what was sent again is that of connections that are still there."""
    first, second = later(troubled_pod(), 0, 0), later(troubled_pod(), 2, 6)
    return [with_activity(first, None), with_activity(second, first)]
