"""The split report: what survives, what needs a change, what binds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.analysis.split import Split, split
from podprobe.cli import podprobe
from podprobe.errors import UsageError
from podprobe.model import (
    Channel,
    Ipc,
    MessageQueue,
    SemaphoreSet,
    SharedMemory,
    Snapshot,
    Usage,
    Visibility,
    Volume,
    VolumeMount,
    to_json,
)
from podprobe.report.split import as_json, as_text
from podprobe.splitting import looks
from tests.support.anything import anything
from tests.support.samples import flow, healthy_pod, troubled_pod
from tests.unit.analysis.proxies.recorded import judged, recorded

if TYPE_CHECKING:
    from pathlib import Path


def split_of(pod: Snapshot, container: str) -> Split:
    return split([pod], container)


def semaphores(*users: str) -> SemaphoreSet:
    return SemaphoreSet(key="0x55", id=3, semaphores=1, mode="0600", uid=0, gid=0, containers=users)


def queue(sender: str | None, receiver: str | None) -> MessageQueue:
    made = MessageQueue(key="0x77", id=4, bytes=0, messages=0, mode="0600", uid=0, gid=0)
    return replace(made, last_send_container=sender, last_receive_container=receiver)


def mapped(pod: Snapshot) -> Snapshot:
    return replace(pod, channels=channels(pod))


def without_volumes(pod: Snapshot) -> Snapshot:
    return mapped(replace(pod, volumes=()))


def test_a_loopback_listener_survives_after_two_changes() -> None:
    found = split_of(without_volumes(healthy_pod()), "webapp")
    assert found.verdict == "after-changes"
    (crossing,) = found.crossings
    assert crossing.fate == "change"
    assert "Let webapp listen on 0.0.0.0:5000 (it listens on 127.0.0.1:5000)." in crossing.todo
    assert "Replace 127.0.0.1:5000 in nginx's configuration" in crossing.todo


def test_a_listener_on_all_addresses_needs_no_change_of_its_own() -> None:
    pod = without_volumes(healthy_pod())
    web, app = pod.network.listeners
    network = replace(pod.network, listeners=(web, replace(app, address="0.0.0.0")))
    (crossing,) = split_of(replace(pod, network=network), "webapp").crossings
    assert crossing.fate == "change"
    assert "Let webapp listen" not in crossing.todo


def test_a_channel_over_the_pods_address_survives() -> None:
    pod = without_volumes(healthy_pod())
    flows = (replace(pod.network.flows[0], scope="pod", server="10.244.1.17:5000"),)
    pod = mapped(replace(pod, network=replace(pod.network, flows=flows)))
    found = split_of(pod, "webapp")
    assert found.verdict == "possible"
    assert [crossing.fate for crossing in found.crossings] == ["survives"]


def test_shared_memory_binds_and_is_named() -> None:
    found = split_of(mapped(troubled_pod()), "worker")
    assert found.verdict == "bound"
    assert "shared-memory 0x00001234" in found.summary
    fates = {each.channel.kind: each.fate for each in found.crossings if each.fate != "unknown"}
    assert fates["shared-memory"] == fates["semaphore"] == fates["posix-message-queue"] == "bound"
    assert fates["unix"] == fates["tcp"] == "change"


@pytest.mark.parametrize(
    ("kind", "fate"),
    [("emptyDir", "bound"), ("persistentVolumeClaim", "change"), ("hostPath", "change"), ("nfs", "survives")],
)
def test_a_shared_volume_binds_by_its_kind(kind: str, fate: str) -> None:
    pod = healthy_pod()
    pod = replace(pod, network=replace(pod.network, flows=()), volumes=(replace(pod.volumes[0], type=kind),))
    (crossing,) = split_of(mapped(pod), "webapp").crossings
    assert crossing.fate == fate


def test_a_container_that_shares_nothing_can_move() -> None:
    found = split_of(replace(healthy_pod(), channels=()), "webapp")
    assert (found.verdict, found.crossings) == ("possible", ())
    assert any("listens on 127.0.0.1:5000; nobody was connected" in note for note in found.notes)


CLOSED = replace(flow(None, "webapp", "127.0.0.1:5000", 60, scope="loopback"), states={"time-wait": 60})


@pytest.mark.parametrize("container", ["nginx", "webapp"])
def test_of_closed_connections_nobody_knows_whose_they_were(container: str) -> None:
    pod = without_volumes(healthy_pod())
    pod = mapped(replace(pod, network=replace(pod.network, flows=(CLOSED,))))
    found = split_of(pod, container)
    assert found.verdict == "uncertain"
    (crossing,) = found.crossings
    assert (crossing.fate, crossing.channel.a, crossing.channel.b) == ("unknown", None, "webapp")
    assert ("may have been nginx" in crossing.why) == (container == "nginx")
    assert "can move" not in found.summary
    assert "? other end unknown unknown → webapp" in as_text(found)


def test_what_any_look_saw_counts() -> None:
    open_now = without_volumes(healthy_pod())
    closed = mapped(replace(open_now, network=replace(open_now.network, flows=(CLOSED,))))
    found = split([open_now, closed], "webapp")
    (crossing,) = found.crossings
    assert (crossing.fate, crossing.channel.a, crossing.channel.evidence) == ("change", "nginx", ())
    assert f"seen at {open_now.taken_at}" in crossing.channel.detail
    gone = replace(closed, containers=tuple(each for each in closed.containers if each.name == "webapp"))
    assert split([open_now, gone], "webapp").crossings == ()


@pytest.mark.parametrize(
    ("made", "fates"),
    [
        ({"semaphores": (semaphores("webapp"),)}, ["unknown"]),
        ({"semaphores": (semaphores(),)}, ["unknown"]),
        ({"semaphores": (semaphores("nginx", "webapp"),)}, ["bound"]),
        ({"semaphores": (replace(semaphores("webapp"), key="0x00000000"),)}, []),
        ({"message_queues": (queue("webapp", None),)}, ["unknown"]),
        ({"message_queues": (queue("webapp", "webapp"),)}, ["unknown"]),
        ({"message_queues": (queue("nginx", "webapp"),)}, ["bound"]),
    ],
)
def test_the_users_that_the_kernel_forgot_may_be_any(made: dict[str, Any], fates: list[str]) -> None:
    pod = without_volumes(healthy_pod())
    pod = mapped(replace(pod, network=replace(pod.network, flows=()), ipc=Ipc(**made)))
    for container in ("webapp", "nginx"):
        found = split_of(pod, container)
        assert [each.fate for each in found.crossings] == fates
        assert found.verdict == (("uncertain" if fates[0] == "unknown" else "bound") if fates else "possible")


def test_what_could_not_be_seen_makes_the_verdict_uncertain() -> None:
    pod = replace(healthy_pod(), channels=())
    unseen = Visibility(area="maps", container="nginx", level="partial", reason="its workers are closed")
    found = split_of(replace(pod, visibility=(unseen,)), "webapp")
    assert found.verdict == "uncertain"
    assert "not everything could be seen (maps)" in found.summary
    assert split_of(replace(pod, visibility=(replace(unseen, area="dns"),)), "webapp").verdict == "possible"
    segment = SharedMemory(key="0x66", id=1, bytes=1, mode="0600", uid=0, gid=0, attachments=1)
    hidden = replace(pod, visibility=(unseen,), ipc=Ipc(shared_memory=(segment,)))
    assert [each.channel.via for each in split_of(hidden, "webapp").crossings] == ["0x66"]


def test_what_moves_along_is_said() -> None:
    notes = split_of(mapped(healthy_pod()), "nginx").notes
    assert "Service shop sends port 80 to nginx: its selector has to match the new Pod." in notes


def test_an_unknown_container_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="has no container 'redis'") as error:
        split_of(healthy_pod(), "redis")
    assert "nginx and webapp" in error.value.hint


def test_text_and_json_tell_the_same() -> None:
    found = split_of(mapped(troubled_pod()), "worker")
    text = as_text(found, width=80)
    assert all(len(line) <= 100 for line in text.splitlines())
    data = json.loads(as_json(found))
    assert data["verdict"] == "bound"
    for crossing in data["crossings"]:
        assert crossing["channel"]["via"] in text


def test_untrusted_names_are_neutralised() -> None:
    pod = mapped(healthy_pod())
    bad = Channel(kind="unix", a="nginx", b="webapp", via="/run/\x1b]52;c;x\x07.sock")
    text = as_text(split_of(replace(pod, channels=(bad,)), "webapp"))
    assert "\x1b" not in text
    assert "\\x1b" in text


@pytest.mark.parametrize("seed", range(40))
def test_no_snapshot_makes_it_raise(seed: int) -> None:
    from random import Random

    random = Random(seed)
    noise = anything(Snapshot, random)
    made = mapped(replace(noise, target=troubled_pod().target))
    for snapshot in (noise, made):
        for container in snapshot.containers:
            found = split_of(snapshot, container.name)
            assert as_text(found, width=80)
            assert as_json(found)


class Unstarted:
    """A Pod of which only what is declared may be read."""

    def declared(self) -> Snapshot:
        return healthy_pod()

    def look(self) -> Snapshot:
        raise AssertionError("an agent would have been started")


def test_a_misspelt_container_is_told_before_an_agent_is_started() -> None:
    with pytest.raises(UsageError, match="has no container 'redis'"):
        next(looks(Unstarted(), "redis"))  # type: ignore[arg-type]  # no more of a looker is asked for


def test_a_recording_is_asked_as_a_whole(tmp_path: Path) -> None:
    pod = without_volumes(healthy_pod())
    quiet = mapped(replace(pod, network=replace(pod.network, flows=())))
    path = tmp_path / "pod.jsonl"
    path.write_text("".join(to_json(each, indent=0) + "\n" for each in (pod, quiet)))
    result = CliRunner().invoke(podprobe, ["split", f"file:{path}", "-c", "webapp", "-o", "json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["verdict"] == "after-changes"


def test_the_command_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pod.json"
    path.write_text(to_json(mapped(healthy_pod())))
    result = CliRunner().invoke(podprobe, ["split", f"file:{path}", "-c", "webapp", "-o", "json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["container"] == "webapp"


def test_a_volume_that_holds_nothing_but_the_socket_binds_nobody() -> None:
    pod = judged(recorded("proxied"))
    run = Volume(
        name="run",
        type="emptyDir",
        usage=Usage(bytes=0, inodes=2, method="statvfs", complete=True),
        mounts=(
            VolumeMount(container="app", path="/run/shared"),
            VolumeMount(container="nginx", path="/run/shared"),
        ),
    )
    found = split_of(mapped(replace(pod, volumes=(run,))), "app")
    assert found.verdict == "after-changes"
    (crossing,) = (each for each in found.crossings if each.channel.kind == "volume")
    assert crossing.fate == "change"
    for usage in (replace(run.usage, inodes=3), replace(run.usage, complete=False), None):  # type: ignore[type-var]
        fuller = mapped(replace(pod, volumes=(replace(run, usage=usage),)))
        assert split_of(fuller, "app").verdict == "bound"


def test_a_meshs_proxy_is_no_tie_and_cannot_move() -> None:
    pod = judged(recorded("meshed"))
    found = split_of(pod, "app")
    assert found.verdict == "possible"
    assert "a Pod of app's own gets one, too" in found.crossings[0].why
    assert split_of(pod, "istio-proxy").verdict == "bound"
