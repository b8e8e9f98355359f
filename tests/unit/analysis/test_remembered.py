"""What several looks tell together."""

from __future__ import annotations

from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.analysis.remembered import with_remembered, with_seen_channels
from podprobe.model import Channel, Flow, SemaphoreSet, Snapshot
from tests.support.changes import ipc, network
from tests.support.samples import flow


def look(*containers: str, **more: object) -> Snapshot:
    made = SemaphoreSet(key="0x55", id=3, semaphores=1, mode="0600", uid=0, gid=0, containers=containers)
    return ipc(semaphores=(replace(made, **more),))


def test_containers_that_take_turns_are_joined() -> None:
    first, second = look("nginx"), with_remembered(look("webapp"), look("nginx"))
    assert second.ipc.semaphores[0].containers == ("nginx", "webapp")
    found = [(each.a, each.b) for each in channels(second) if each.kind == "semaphore"]
    assert found == [("nginx", "webapp")]
    assert with_remembered(first, None) == first


def test_another_set_of_the_same_id_and_a_container_that_is_gone_are_not() -> None:
    assert with_remembered(look("webapp"), look("nginx", key="0x66")).ipc.semaphores[0].containers == (
        "webapp",
    )
    assert with_remembered(look("webapp"), look("gone")).ipc.semaphores[0].containers == ("webapp",)


APP = "127.0.0.1:5000"
CLOSED = replace(flow(None, "webapp", APP, 12, scope="loopback"), states={"time-wait": 12})
OPEN = flow("nginx", "webapp", APP, 2)


def at(second: int, *flows: Flow) -> Snapshot:
    snapshot = replace(network(flows=flows), taken_at=f"2026-03-01T00:00:{second:02}Z")
    return replace(snapshot, channels=channels(snapshot))


def inner(snapshot: Snapshot) -> list[Channel]:
    return [each for each in snapshot.channels if each.kind == "tcp" and each.a and each.b]


def test_a_channel_seen_open_is_kept_while_closed_connections_are_left_of_it() -> None:
    second = with_seen_channels(at(5, CLOSED), at(0, OPEN))
    (kept,) = inner(second)
    assert (kept.a, kept.b, kept.via, kept.health) == ("nginx", "webapp", APP, "unknown")
    assert kept.detail == "seen open 5 s ago; 12 closed connections of unknown clients"
    assert kept.last_open_at == "2026-03-01T00:00:00Z"
    assert kept.evidence == ("/network/flows/0",)
    (still,) = inner(with_seen_channels(at(50, CLOSED), second))
    assert still.last_open_at == kept.last_open_at
    (open_again,) = inner(with_seen_channels(at(55, CLOSED, OPEN), second))
    assert open_again.last_open_at is None


def test_a_channel_is_forgotten_with_its_last_closed_connection_its_server_or_a_minute_later() -> None:
    first = at(0, OPEN)
    assert inner(with_seen_channels(at(5), first)) == []
    assert inner(with_seen_channels(at(5, replace(CLOSED, to_container="nginx")), first)) == []
    assert inner(with_seen_channels(at(5, replace(CLOSED, to_container=None)), first)) == []
    later = replace(at(5, CLOSED), taken_at="2026-03-01T00:01:01Z")
    assert inner(with_seen_channels(later, first)) == []
    assert inner(with_seen_channels(at(5, CLOSED), None)) == []


def test_of_half_open_connections_nobody_is_told_to_have_been_the_client() -> None:
    pending = replace(CLOSED, states={"syn-recv": 1, "time-wait": 1})
    assert inner(with_seen_channels(at(5, pending), at(0, OPEN))) == []
