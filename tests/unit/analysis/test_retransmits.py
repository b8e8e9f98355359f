"""Retransmits between two looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.retransmits import attribution, flow_rates
from podprobe.model import Counters, Network, Snapshot
from tests.support.samples import connection_pair, healthy_pod, outside_connection

if TYPE_CHECKING:
    from podprobe.model import Connection

HEALTHY = healthy_pod()


def look(second: int, connections: tuple[Connection, ...], retransmits: int | None) -> Snapshot:
    values = {} if retransmits is None else {"Tcp.RetransSegs": retransmits}
    return msgspec.structs.replace(
        HEALTHY,
        taken_at=f"2026-01-01T00:00:{second:02}Z",
        network=Network(connections=connections, counters=Counters(values=values)),
    )


def pair(port: int, retransmits: int, segments: int, inode: int = 7) -> tuple[Connection, Connection]:
    return connection_pair(
        "nginx", "webapp", port, "127.0.0.1:5000", retransmits=retransmits, segments=segments, inode=inode
    )


def test_rates_count_what_was_sent_between_the_looks() -> None:
    before = look(0, pair(40000, 10, 1000), 50)
    after = look(10, (*pair(40000, 25, 1500), *pair(41000, 3, 100, inode=90)), 70)
    (rate,) = flow_rates(before, after)
    assert (rate.from_container, rate.to_container, rate.server) == ("nginx", "webapp", "127.0.0.1:5000")
    # 15 by the socket that was there before, 3 by the new one.
    assert rate.retransmits == 18
    assert rate.segments == 500 + (500 + 15) + 100 + (100 + 3)
    assert rate.seconds == 10
    assert rate.retransmit_ratio == 18 / rate.segments
    found = attribution(before, after)
    assert found is not None
    assert (found.namespace, found.attributed, found.ratio) == (20, 18, 0.9)


def test_what_a_flow_waited_for() -> None:
    client, server = pair(40000, 0, 10)
    before = look(0, (client, server), 0)
    waits = {"busy_us": 900_000, "receive_window_limited_us": 700_000, "send_buffer_limited_us": 50_000}
    (rate,) = flow_rates(before, look(1, (msgspec.structs.replace(client, **waits), server), 0))
    assert (rate.busy_us, rate.receive_window_limited_us, rate.send_buffer_limited_us) == (
        900_000,
        700_000,
        50_000,
    )


def test_a_port_used_again_by_another_socket_counts_from_zero() -> None:
    before = look(0, pair(40000, 100, 1000), 100)
    after = look(1, pair(40000, 5, 50, inode=900), 105)
    (rate,) = flow_rates(before, after)
    assert rate.retransmits == 5


def test_what_closed_sockets_sent_again_is_not_attributed() -> None:
    before, after = look(0, pair(40000, 10, 1000), 10), look(1, (), 40)
    found = attribution(before, after)
    assert found is not None
    assert (found.namespace, found.attributed, found.ratio) == (30, 0, 0.0)


def test_nothing_sent_again() -> None:
    found = attribution(look(0, (), 40), look(1, (), 40))
    assert found is not None
    assert found.ratio is None


def test_no_counter_or_another_namespace() -> None:
    assert attribution(look(0, (), None), look(1, (), 5)) is None
    assert attribution(look(0, (), 50), look(1, (), 5)) is None


def test_a_clock_that_stood_still() -> None:
    same = look(5, pair(40000, 10, 1000), 10)
    assert flow_rates(same, same) == ()


def test_outside_and_inside_are_apart_and_the_worst_comes_first() -> None:
    outside = outside_connection("10.0.0.4:443", "192.0.2.1:40000", "nginx")
    rates = flow_rates(look(0, (), 0), look(1, (outside, *pair(40000, 5, 10)), 6))
    assert [(rate.scope, rate.retransmits) for rate in rates] == [("loopback", 5), ("external", 1)]
