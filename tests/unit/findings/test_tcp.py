"""Loss, standstill, delay, resets, hot channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.model import Counters
from tests.support.changes import codes, network, only
from tests.support.samples import connection_pair, flow, healthy_pod, latency

if TYPE_CHECKING:
    from podprobe.model import Connection, Snapshot

APP = "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("segments", "lost", "severity"),
    [
        (10_000, 9, None),
        (10_000, 10, "warning"),
        (10_000, 99, "warning"),
        (10_000, 100, "critical"),
        (50, 2, None),
    ],
)
def test_loss_on_loopback(segments: int, lost: int, severity: str | None) -> None:
    pod = network(flows=(flow("nginx", "webapp", APP, 2, segments_out=segments, retransmits=lost),))
    if severity is None:
        assert "TCP101" not in codes(pod)
    else:
        found = only("TCP101", pod)
        assert found.severity == severity
        assert found.subject == f"nginx → webapp {APP}"
        assert f"{lost:,} of {segments:,} segments" in found.evidence[0]


def test_what_the_peer_had_already_is_not_lost() -> None:
    """A sender probes for loss at the end of a burst, and the peer says (DSACK) that it had the segment."""

    def pod(lost: int, needless: int) -> Snapshot:
        inside = flow("nginx", "webapp", APP, 2, segments_out=1_000, retransmits=lost)
        outside = flow("webapp", None, "10.0.0.9:443", 1, scope="external", remote="10.0.0.9", segments_out=1_000,
                       retransmits=lost)  # fmt: skip
        made = network(
            flows=tuple(replace(each, spurious_retransmits=needless) for each in (inside, outside))
        )
        return replace(made, channels=channels(made))

    for each in pod(60, 60), pod(60, 58):
        assert not {"TCP101", "TCP102"} & set(codes(each))
        assert {channel.health for channel in each.channels if channel.kind == "tcp"} == {"ok"}
    real = pod(60, 35)
    assert only("TCP101", real).evidence[0] == (
        f"60 of 1,000 segments (6 %) were sent again (35 of them needlessly) between nginx and webapp at {APP}."
    )
    assert (
        "(6 %) that webapp sent to 10.0.0.9 were sent again (35 of them needlessly)."
        in only("TCP102", real).evidence[0]
    )
    assert only("TCP101", real).severity == "critical"
    assert only("TCP101", pod(60, 54)).severity == "warning"


def test_loss_towards_outside() -> None:
    def pod(lost: int) -> Snapshot:
        lossy = flow("webapp", None, "10.0.0.9:443", 1, scope="external", remote="10.0.0.9", segments_out=1_000,
                     retransmits=lost)  # fmt: skip
        return network(flows=(lossy,))

    assert only("TCP102", pod(20)).containers == ("webapp",)
    assert not {"TCP101", "TCP102"} & set(codes(pod(19)))


@pytest.mark.parametrize(
    ("lost_before", "said"), [(100, "none was: it is over"), (60, "40 were: it goes on")]
)
def test_loss_that_is_over_is_told_from_loss_that_goes_on(lost_before: int, said: str) -> None:
    def pod(second: int, segments: int, lost: int) -> Snapshot:
        client, server = connection_pair("nginx", "webapp", 42_000, APP)
        counted = replace(client, segments_out=segments, retransmits=lost)
        made = network(
            connections=(counted, replace(server, segments_out=0, retransmits=0)),
            flows=(flow("nginx", "webapp", APP, 1, segments_out=segments, retransmits=lost),),
        )
        return replace(made, taken_at=f"2026-01-01T00:00:{second:02}Z")

    found = only("TCP101", pod(30, 5_000, 100), history=[pod(10, 4_000, lost_before)])
    assert f"Of the 1,000 segments of the last 20 s, {said}" in found.evidence[1]


def stuck(**changes: object) -> Snapshot:
    client, server = connection_pair("nginx", "webapp", 42_000, APP)
    still = {
        "send_queue_bytes": 65_536,
        "send_window_bytes": 0,
        "last_send_ms": 4_000,
        "backoff": 0,
        **changes,
    }
    return network(connections=(client, replace(server, **still)))


def test_a_closed_window() -> None:
    found = only("TCP103", stuck())
    assert "nginx has closed its receive window: it does not read." in found.evidence[0]
    assert found.subject == f"webapp {APP}"


def test_a_timer_that_backs_off() -> None:
    found = only("TCP103", stuck(send_window_bytes=1_000, backoff=3))
    assert "its timer has doubled 3 times" in found.evidence[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"send_queue_bytes": 0},
        {"last_send_ms": 20},
        {"send_window_bytes": 1_000},
        {"send_window_bytes": None},
    ],
)
def test_a_connection_that_moves(changes: dict[str, object]) -> None:
    assert "TCP103" not in codes(stuck(**changes))


def slow(rtt_us: int, min_rtt_us: int, lost: int = 0, needless: int = 0) -> Snapshot:
    def change(each: Connection) -> Connection:
        return replace(
            each, rtt_us=rtt_us, min_rtt_us=min_rtt_us, retransmits=lost, spurious_retransmits=needless
        )

    sockets = tuple(change(each) for each in connection_pair("nginx", "webapp", 42_000, APP))
    return network(connections=sockets, flows=(flow("nginx", "webapp", APP, 1, rtt_us=rtt_us),))


@pytest.mark.parametrize(
    ("rtt_us", "min_rtt_us", "lost", "needless", "expected"),
    [
        (12_000, 10_000, 0, 0, True),
        (12_000, 40, 3, 0, True),
        (12_000, 40, 3, 3, False),
        (9_000, 8_000, 0, 0, False),
        (41_000, 40, 0, 0, False),  # an acknowledgement that was held back, nothing else
    ],
)
def test_slow_round_trips(rtt_us: int, min_rtt_us: int, lost: int, needless: int, expected: bool) -> None:
    assert ("TCP104" in codes(slow(rtt_us, min_rtt_us, lost, needless))) is expected


USUAL = [25.0 + index for index in range(19)]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (USUAL, False),
        ([*USUAL, 15_000.0], False),  # one sample of twenty, on a machine that was busy
        ([*USUAL, 208_000.0], True),  # one lost segment
        ([*USUAL[:15], *[12_000.0] * 5], True),
        ([*USUAL * 10, *[12_000.0] * 3], True),
    ],
)
def test_slow_probes(samples: list[float], expected: bool) -> None:
    pod = replace(healthy_pod(), latency=(latency(samples, to=APP),))
    assert ("TCP105" in codes(pod)) is expected


@pytest.mark.parametrize(
    ("usual", "most", "expected"),
    [
        (60.0, 300.0, {"RES105"}),  # all of it was waiting for a CPU
        (60.0, 14_000.0, {"RES105"}),  # one unlucky sample besides, as on any busy machine
        (60.0, 208_000.0, {"TCP105"}),  # a lost segment besides
        (11_000.0, 12_000.0, {"TCP105"}),  # many were slow besides
        (None, None, {"TCP105"}),  # a kernel that does not count
    ],
)
def test_slow_probes_on_a_busy_node(usual: float | None, most: float | None, expected: set[str]) -> None:
    slow = latency([*USUAL[:15], *[12_000.0] * 4, 300_000.0], to=APP)
    waited = replace(
        slow, cpu_wait_us=None if most is None else 58_000.0, p90_less_cpu_wait_us=usual, max_less_cpu_wait_us=most
    )  # fmt: skip
    pod = replace(healthy_pod(), latency=(waited,))
    assert {"TCP105", "RES105"} & set(codes(pod)) == expected
    if "RES105" in expected:
        found = only("RES105", pod)
        assert (found.severity, found.subject) == ("info", f"node {pod.target.node}")
        assert "waited 58 ms for a CPU in all; the slowest took 300 ms" in found.evidence[0]


def test_probes_that_fail() -> None:
    pod = replace(healthy_pod(), latency=(latency(USUAL, to=APP, errors={"ECONNREFUSED": 1}),))
    assert "1 of 20 probes to 127.0.0.1:5000 failed (1 × ECONNREFUSED)." in only("TCP105", pod).evidence


def test_probes_of_something_outside_are_not_judged() -> None:
    outside = latency([90_000.0] * 20, to="10.0.0.9:443", to_container=None)
    assert "TCP105" not in codes(replace(healthy_pod(), latency=(outside,)))


def counted(**values: int) -> Snapshot:
    return network(counters=Counters(values={f"Tcp.{name}": value for name, value in values.items()}))


def test_resets() -> None:
    pod = counted(ActiveOpens=1_000, PassiveOpens=1_000, EstabResets=20)
    found = only("TCP106", pod)
    assert "20 sockets of 2,000 opened (1 %)" in found.evidence[0]
    assert (found.severity, found.containers) == ("info", ()), "health checks of nginx may end so"
    assert "may all be of connections with outside" in found.evidence[0]


@pytest.mark.parametrize(
    ("opened", "accepted", "severity", "said"),
    [
        (1_000, 1_000, "warning", "since the Pod's network began."),
        (1_005, 1_000, "warning", "At least 25 of them were inside the Pod."),
        (1_020, 1_000, "info", "may all be of connections with outside"),
    ],
)
def test_resets_that_nobody_outside_can_have_made(
    opened: int, accepted: int, severity: str, said: str
) -> None:
    """Every connection that a Pod accepts on loopback alone was opened inside it."""
    pod = counted(ActiveOpens=opened, PassiveOpens=accepted, EstabResets=30)
    found = only("TCP106", network(pod, listeners=healthy_pod().network.listeners[1:]))
    assert found.severity == severity
    assert found.evidence[0].endswith(said) or said in found.evidence[0]
    assert found.containers == (("nginx", "webapp") if severity == "warning" else ())


@pytest.mark.parametrize(("opened", "cut"), [(1_000, 19), (10_000, 50), (0, 0)])
def test_few_resets(opened: int, cut: int) -> None:
    assert "TCP106" not in codes(counted(ActiveOpens=opened, EstabResets=cut))


def test_resets_of_long_ago() -> None:
    before = counted(ActiveOpens=1_000, PassiveOpens=1_000, EstabResets=500)
    now = counted(ActiveOpens=2_000, PassiveOpens=2_000, EstabResets=501)
    assert "TCP106" in codes(before)
    assert "TCP106" not in codes(now, [before])


def test_resets_of_podprobes_own_probes() -> None:
    """haproxy resets a connection that brought no request."""
    before = counted(ActiveOpens=1_000, PassiveOpens=1_000, EstabResets=0)
    now = counted(ActiveOpens=1_100, PassiveOpens=1_100, EstabResets=60)
    assert "60 sockets of 200 opened" in only("TCP106", now, [before]).evidence[0]

    def probed(number: int) -> Snapshot:
        counters = replace(now.network.counters, own_probes=number)
        return replace(now, network=replace(now.network, counters=counters))

    assert "30 sockets of 140 opened" in only("TCP106", probed(30), [before]).evidence[0]
    assert "TCP106" not in codes(probed(60), [before])
    assert "TCP106" not in codes(probed(500), [before])


def test_resets_of_a_pod_whose_containers_do_not_talk() -> None:
    pod = counted(ActiveOpens=1_000, EstabResets=500)
    assert "TCP106" not in codes(replace(pod, network=replace(pod.network, flows=())))


def busy(seconds: int, moved: int, opened: int = 0) -> Snapshot:
    line = replace(flow("nginx", "webapp", APP, 4), bytes_sent=0, bytes_received=moved)
    pod = network(flows=(line,), counters=Counters(values={"Tcp.PassiveOpens": opened}))
    return replace(pod, taken_at=f"2026-03-01T03:12:{seconds:02}Z")


def test_a_hot_channel() -> None:
    found = only("TCP107", busy(2, 210 << 20), [busy(0, 0)])
    assert found.severity == "info"
    assert "105 MiB a second between nginx and webapp" in found.evidence[0]
    assert "A connect to 127.0.0.1:5000 takes 32 µs (median); webapp has no unix socket" in found.evidence[1]


def test_many_connections_a_second() -> None:
    found = only("TCP107", busy(2, 0, opened=2_400), [busy(0, 0, opened=200)])
    assert "1,100 connections a second" in found.evidence[0]


def test_a_channel_that_is_not_hot() -> None:
    assert "TCP107" not in codes(busy(2, 190 << 20, opened=1_900), [busy(0, 0)])
    assert "TCP107" not in codes(busy(2, 300 << 20)), "one look shows no rate"
