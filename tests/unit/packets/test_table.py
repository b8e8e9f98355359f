"""The flow table stays bounded, and its totals lose nothing."""

from __future__ import annotations

from podprobe.packets.segment import ACK, SYN, Segment
from podprobe.packets.table import FlowTable

SERVER = ("10.0.0.1", 80)


def segment(port: int, at_ns: int, length: int = 0, flags: int = ACK, sequence: int = 0) -> Segment:
    return Segment(at_ns, "tcp", ("10.0.0.2", port), SERVER, length, sequence, 0, flags, 100)


def test_more_flows_than_are_followed() -> None:
    table = FlowTable(live=10, kept=5)
    for number in range(100):
        table.seen(number)
        table.take(segment(1000 + number, number, length=number))
    capture = table.result()
    assert (capture.flow_count, capture.flows_omitted, len(capture.flows)) == (100, 95, 5)
    assert capture.totals.bytes == sum(range(100))
    assert [flow.from_client.bytes for flow in capture.flows] == [99, 98, 97, 96, 95]


def test_the_flow_that_was_silent_longest_makes_room() -> None:
    table = FlowTable(live=2)
    for port, at_ns in ((1000, 0), (2000, 1), (1000, 2), (3000, 3), (1000, 4)):
        table.take(segment(port, at_ns, length=1, sequence=at_ns))
    assert sorted(flow.from_client.packets for flow in table.result().flows) == [1, 1, 3]


def test_a_port_used_again_is_another_flow() -> None:
    table = FlowTable()
    table.take(segment(1000, 0, flags=SYN, sequence=7))
    table.take(segment(1000, 1, flags=SYN, sequence=7))
    table.take(segment(1000, 2, flags=SYN, sequence=9))
    capture = table.result()
    assert capture.flow_count == 2
    assert capture.totals.retransmits == 1


def test_an_empty_capture() -> None:
    capture = FlowTable().result()
    assert (capture.flow_count, capture.first_at, capture.duration_us) == (0, None, 0)


def test_time_that_runs_backwards() -> None:
    table = FlowTable()
    for at_ns in (5_000_000, 1_000_000, 9_000_000):
        table.seen(at_ns)
        table.take(segment(1000, at_ns, length=1))
    capture = table.result()
    assert capture.duration_us == 8000
    assert all(flow.started_us >= 0 and flow.duration_us >= 0 for flow in capture.flows)


def test_so_far_ends_nothing_and_agrees_with_the_result() -> None:
    table = FlowTable(live=3, kept=10)
    for number in range(8):
        table.seen(number)
        table.take(segment(1000 + number, number, length=10 + number))
    early = table.so_far(most=100)
    assert table.so_far(most=100) == early
    assert [flow.from_client.bytes for flow in table.so_far(most=2).flows] == [17, 16]
    assert table.so_far(most=2).flows_omitted == 6
    assert table.result() == early


def test_a_shut_window_counts_until_now_however_often_one_asks() -> None:
    table = FlowTable()
    closed = Segment(0, "tcp", ("10.0.0.2", 1000), SERVER, 0, 1, 1, ACK, 0)
    table.take(closed)
    table.take(segment(1000, 3_000_000, length=0)._replace(window=0, acknowledgement=1, sequence=1))
    assert [table.so_far(9).flows[0].from_client.zero_window_us for _ in range(2)] == [3000, 3000]
    table.take(segment(1000, 5_000_000)._replace(window=9, acknowledgement=1, sequence=1))
    assert table.result().flows[0].from_client.zero_window_us == 5000
