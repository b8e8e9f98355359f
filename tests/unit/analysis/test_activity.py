"""What flows and containers did between two looks."""

from __future__ import annotations

import msgspec

from podprobe.analysis.activity import with_activity
from podprobe.analysis.flows import flows, group
from podprobe.model import Connection, Counters, Network, Snapshot
from tests.support.samples import connection_pair, healthy_pod, outside_connection

HEALTHY = healthy_pod()
replace = msgspec.structs.replace


def look(
    second: int, connections: tuple[Connection, ...], retransmits: int | None, uid: str = "u"
) -> Snapshot:
    values = {} if retransmits is None else {"Tcp.RetransSegs": retransmits}
    return replace(
        HEALTHY,
        taken_at=f"2026-01-01T00:00:{second:02}Z",
        target=replace(HEALTHY.target, uid=uid),
        network=Network(
            connections=connections, flows=flows(group(connections)), counters=Counters(values=values)
        ),
    )


def pair(retransmits: int, sent: int, received: int, **waits: int) -> tuple[Connection, Connection]:
    client, server = connection_pair("nginx", "webapp", 40000, "127.0.0.1:5000", retransmits=retransmits)
    return (
        replace(client, bytes_sent=sent, bytes_received=received, **waits),
        replace(server, bytes_sent=received, bytes_received=sent),
    )


def test_a_flow_tells_bytes_from_client_to_server_and_what_it_waited_for() -> None:
    before = look(0, pair(1, 1_000, 50_000, busy_us=0), 1)
    after = look(10, pair(5, 3_000, 150_000, busy_us=4_000_000, receive_window_limited_us=1_000_000), 9)
    (flow,) = with_activity(after, before).network.flows
    assert flow.activity is not None
    assert flow.activity.seconds == 10
    assert (flow.activity.bytes_sent_per_second, flow.activity.bytes_received_per_second) == (200, 10_000)
    assert flow.activity.retransmits == 4
    assert (flow.activity.busy_us, flow.activity.receive_window_limited_us) == (4_000_000, 1_000_000)


def test_where_only_the_servers_socket_is_seen_its_counters_tell_both_ways() -> None:
    before, after = (look(at, pair(0, at * 100, at * 700)[1:], 0) for at in (1, 2))
    (flow,) = with_activity(after, before).network.flows
    assert flow.activity is not None
    assert (flow.activity.bytes_sent_per_second, flow.activity.bytes_received_per_second) == (100, 700)


def test_each_containers_own_sockets_inside_and_outside_apart() -> None:
    outside = outside_connection("10.0.0.4:443", "192.0.2.1:40000", "nginx")
    before = look(0, (*pair(0, 0, 0), replace(outside, bytes_sent=0)), 0)
    after = look(2, (*pair(0, 100, 4_000), replace(outside, bytes_sent=900)), 0)
    found = {(one.container, one.scope): one for one in with_activity(after, before).network.traffic}
    assert set(found) == {("nginx", "loopback"), ("nginx", "external"), ("webapp", "loopback")}
    rates = {key: one.activity.bytes_sent_per_second for key, one in found.items() if one.activity}
    assert rates == {("nginx", "loopback"): 50, ("nginx", "external"): 450, ("webapp", "loopback"): 2_000}


def test_the_share_that_living_connections_account_for() -> None:
    first = with_activity(look(0, pair(2, 0, 0), 40), None).network.retransmits
    assert first is not None
    assert (first.seconds, first.namespace, first.attributed, first.ratio) == (None, 40, 2, 0.05)
    after = with_activity(look(5, pair(5, 0, 0), 50), look(0, pair(2, 0, 0), 40)).network
    assert after.retransmits is not None
    assert (after.retransmits.seconds, after.retransmits.namespace) == (5, 10)
    assert (after.retransmits.attributed, after.retransmits.ratio) == (3, 0.3)


def test_another_pod_and_a_clock_that_stood_still_are_a_first_look() -> None:
    now = look(5, pair(2, 0, 0), 40)
    for before in (look(0, pair(2, 0, 0), 40, uid="other"), now):
        network = with_activity(now, before).network
        assert all(flow.activity is None for flow in network.flows)
        assert network.retransmits is not None
        assert network.retransmits.seconds is None


def test_without_the_counter_nothing_is_said_of_shares() -> None:
    assert with_activity(look(5, pair(2, 0, 0), None), None).network.retransmits is None
