"""The communication map."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.model import Attachment, Channel, MessageQueue, Snapshot, UnixSocket, Volume, VolumeMount
from tests.support import changes
from tests.support.changes import ipc, network
from tests.support.samples import flow, healthy_pod, latency, troubled_pod

APP = "127.0.0.1:5000"


def of_kind(kind: str, snapshot: Snapshot) -> list[Channel]:
    return [channel for channel in channels(snapshot) if channel.kind == kind]


def test_every_way_in_which_containers_touch() -> None:
    kinds = {channel.kind for channel in channels(troubled_pod())}
    assert kinds == {
        "tcp",
        "unix",
        "shared-memory",
        "semaphore",
        "posix-shared-memory",
        "posix-message-queue",
        "volume",
    }


def test_tcp_goes_from_client_to_server() -> None:
    inner = next(channel for channel in of_kind("tcp", healthy_pod()) if channel.a and channel.b)
    assert (inner.a, inner.b, inner.via, inner.directed) == ("nginx", "webapp", APP, True)
    assert inner.health == "ok"
    assert inner.detail == "2 connections, rtt 48 µs, p99 41 µs"
    assert inner.evidence == ("/network/flows/0",)


def test_outside_is_nobody_and_clients_are_taken_together() -> None:
    flows = tuple(
        flow(None, "nginx", "10.244.1.17:80", 2, scope="external", remote=f"10.0.0.{n}") for n in range(9)
    )
    (inbound,) = of_kind("tcp", network(flows=flows))
    assert (inbound.a, inbound.b) == (None, "nginx")
    assert inbound.detail.startswith("18 connections")


def test_an_end_inside_that_could_not_be_told_is_not_outside() -> None:
    assert of_kind("tcp", network(flows=(flow(None, "webapp", APP, 3),))) == []


@pytest.mark.parametrize(("lost", "health"), [(0, "ok"), (8, "degraded"), (80, "broken")])
def test_health_follows_loss(lost: int, health: str) -> None:
    pod = network(flows=(flow("nginx", "webapp", APP, 1, retransmits=lost),))
    (channel,) = of_kind("tcp", pod)
    assert channel.health == health


def test_health_follows_the_configured_thresholds() -> None:
    pod = network(flows=(flow("nginx", "webapp", APP, 1, retransmits=80),))
    found = channels(pod, {"TCP101.critical_ratio": 0.5, "TCP101.warning_ratio": 0.4})
    assert [channel.health for channel in found if channel.kind == "tcp"] == ["ok"]


def test_health_follows_probes_and_the_accept_queue() -> None:
    dead = replace(latency([1.0], to=APP), count=20, failures=20)
    inner = of_kind("tcp", replace(healthy_pod(), latency=(dead,)))
    assert {channel.health for channel in inner if channel.b == "webapp"} == {"broken"}
    web, app = healthy_pod().network.listeners
    full = network(listeners=(web, replace(app, backlog=2_000)))
    assert {channel.health for channel in of_kind("tcp", full) if channel.b == "webapp"} == {"degraded"}


def unix(inode: int, peer: int, owner: str, other: str, path: str | None = None) -> UnixSocket:
    return UnixSocket(kind="stream", state="established", inode=inode, peer_inode=peer, container=owner,
                      peer_container=other, path=path, queue=0)  # fmt: skip


LISTENS = UnixSocket(
    kind="stream", state="listen", path="/run/a.sock", inode=1, container="webapp", queue=0, queue_limit=5
)


@pytest.mark.parametrize("client_path", [None, "/run/a.sock"])
def test_a_unix_socket_goes_to_who_listens(client_path: str | None) -> None:
    ends = (unix(2, 3, "nginx", "webapp", client_path), unix(3, 2, "webapp", "nginx", "/run/a.sock"))
    (channel,) = of_kind("unix", network(unix=(LISTENS, *ends)))
    assert (channel.a, channel.b, channel.via, channel.health) == ("nginx", "webapp", "/run/a.sock", "ok")
    assert channel.detail == "1 connection"


def test_without_a_listener_the_accepted_end_tells() -> None:
    ends = (unix(2, 3, "nginx", "webapp"), unix(3, 2, "webapp", "nginx", "@gone"))
    (channel,) = of_kind("unix", network(unix=ends))
    assert (channel.a, channel.b, channel.via, channel.health) == ("nginx", "webapp", "@gone", "unknown")


def test_a_socketpair_has_no_direction() -> None:
    (channel,) = of_kind("unix", network(unix=(unix(2, 3, "webapp", "nginx"), unix(3, 2, "nginx", "webapp"))))
    assert (channel.a, channel.b, channel.directed) == ("nginx", "webapp", False)


def test_a_message_queue_goes_from_sender_to_receiver() -> None:
    queue = MessageQueue(key="0x1", id=0, bytes=15_000, max_bytes=16_384, messages=3, mode="0600", uid=0, gid=0,
                         last_send_container="webapp", last_receive_container="nginx")  # fmt: skip
    (channel,) = of_kind("message-queue", ipc(message_queues=(queue,)))
    assert (channel.a, channel.b, channel.health) == ("webapp", "nginx", "degraded")
    assert of_kind("message-queue", ipc(message_queues=(replace(queue, last_send_container="nginx"),))) == []


def test_a_thing_that_three_use_joins_each_two() -> None:
    pod = troubled_pod()
    users = tuple(
        Attachment(container=name, pid=1, process="x") for name in ("worker", "nginx", "webapp", "nginx")
    )
    shared = replace(pod.ipc.shared_memory[0], attached=users)
    found = of_kind("shared-memory", replace(pod, ipc=replace(pod.ipc, shared_memory=(shared,))))
    assert [(channel.a, channel.b) for channel in found] == [
        ("nginx", "webapp"),
        ("nginx", "worker"),
        ("webapp", "worker"),
    ]


def mounted(*mounts: VolumeMount, kind: str = "emptyDir") -> list[tuple[str | None, str | None, bool]]:
    pod = replace(healthy_pod(), volumes=(Volume(name="data", type=kind, mounts=mounts),))
    return [(channel.a, channel.b, channel.directed) for channel in of_kind("volume", pod)]


def mount(name: str, *, read_only: bool = False, sub_path: str | None = None) -> VolumeMount:
    return VolumeMount(container=name, path="/data", read_only=read_only, sub_path=sub_path)


def test_a_volume_goes_from_writer_to_reader() -> None:
    assert mounted(mount("a", read_only=True), mount("b")) == [("b", "a", True)]
    assert mounted(mount("b"), mount("a")) == [("a", "b", False)]
    assert mounted(mount("a", read_only=True), mount("b", read_only=True)) == []
    assert mounted(mount("a"), mount("b"), kind="configMap") == []


def test_sub_paths_apart_show_other_files() -> None:
    assert mounted(mount("a", sub_path="x"), mount("b", sub_path="y")) == []
    assert mounted(mount("a", sub_path="x"), mount("b", sub_path="x/y")) == [("a", "b", False)]
    assert mounted(mount("a", sub_path="x"), mount("b", sub_path="xy")) == []
    assert mounted(mount("a", sub_path="x"), mount("b")) == [("a", "b", False)]


def test_shared_pids() -> None:
    (channel,) = of_kind("pid-namespace", changes.target(shared_pid=True))
    assert (channel.a, channel.b) == ("nginx", "webapp")
