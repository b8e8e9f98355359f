"""The split report: what survives, what needs a change, what binds."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.analysis.split import split
from podprobe.cli import podprobe
from podprobe.errors import UsageError
from podprobe.model import Channel, Snapshot, Usage, Volume, VolumeMount, to_json
from podprobe.report.split import as_json, as_text
from tests.support.anything import anything
from tests.support.samples import healthy_pod, troubled_pod
from tests.unit.analysis.proxies.recorded import judged, recorded


def mapped(pod: Snapshot) -> Snapshot:
    return replace(pod, channels=channels(pod))


def without_volumes(pod: Snapshot) -> Snapshot:
    return mapped(replace(pod, volumes=()))


def test_a_loopback_listener_survives_after_two_changes() -> None:
    found = split(without_volumes(healthy_pod()), "webapp")
    assert found.verdict == "after-changes"
    (crossing,) = found.crossings
    assert crossing.fate == "change"
    assert "Let webapp listen on 0.0.0.0:5000 (it listens on 127.0.0.1:5000)." in crossing.todo
    assert "Replace 127.0.0.1:5000 in nginx's configuration" in crossing.todo


def test_a_listener_on_all_addresses_needs_no_change_of_its_own() -> None:
    pod = without_volumes(healthy_pod())
    web, app = pod.network.listeners
    network = replace(pod.network, listeners=(web, replace(app, address="0.0.0.0")))
    (crossing,) = split(replace(pod, network=network), "webapp").crossings
    assert crossing.fate == "change"
    assert "Let webapp listen" not in crossing.todo


def test_a_channel_over_the_pods_address_survives() -> None:
    pod = without_volumes(healthy_pod())
    flows = (replace(pod.network.flows[0], scope="pod", server="10.244.1.17:5000"),)
    pod = mapped(replace(pod, network=replace(pod.network, flows=flows)))
    found = split(pod, "webapp")
    assert found.verdict == "possible"
    assert [crossing.fate for crossing in found.crossings] == ["survives"]


def test_shared_memory_binds_and_is_named() -> None:
    found = split(mapped(troubled_pod()), "worker")
    assert found.verdict == "bound"
    assert "shared-memory 0x00001234" in found.summary
    fates = {crossing.channel.kind: crossing.fate for crossing in found.crossings}
    assert fates["shared-memory"] == fates["semaphore"] == fates["posix-message-queue"] == "bound"
    assert fates["unix"] == fates["tcp"] == "change"


@pytest.mark.parametrize(
    ("kind", "fate"),
    [("emptyDir", "bound"), ("persistentVolumeClaim", "change"), ("hostPath", "change"), ("nfs", "survives")],
)
def test_a_shared_volume_binds_by_its_kind(kind: str, fate: str) -> None:
    pod = healthy_pod()
    pod = replace(pod, network=replace(pod.network, flows=()), volumes=(replace(pod.volumes[0], type=kind),))
    (crossing,) = split(mapped(pod), "webapp").crossings
    assert crossing.fate == fate


def test_a_container_that_shares_nothing_can_move() -> None:
    found = split(replace(healthy_pod(), channels=()), "webapp")
    assert (found.verdict, found.crossings) == ("possible", ())
    assert any("listens on 127.0.0.1:5000; nobody was connected" in note for note in found.notes)


def test_what_moves_along_is_said() -> None:
    notes = split(mapped(healthy_pod()), "nginx").notes
    assert "Service shop sends port 80 to nginx: its selector has to match the new Pod." in notes


def test_an_unknown_container_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="has no container 'redis'") as error:
        split(healthy_pod(), "redis")
    assert "nginx and webapp" in error.value.hint


def test_text_and_json_tell_the_same() -> None:
    found = split(mapped(troubled_pod()), "worker")
    text = as_text(found, width=80)
    assert all(len(line) <= 100 for line in text.splitlines())
    data = json.loads(as_json(found))
    assert data["verdict"] == "bound"
    for crossing in data["crossings"]:
        assert crossing["channel"]["via"] in text


def test_untrusted_names_are_neutralised() -> None:
    pod = mapped(healthy_pod())
    bad = Channel(kind="unix", a="nginx", b="webapp", via="/run/\x1b]52;c;x\x07.sock")
    text = as_text(split(replace(pod, channels=(bad,)), "webapp"))
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
            found = split(snapshot, container.name)
            assert as_text(found, width=80)
            assert as_json(found)


def test_the_command_reads_a_file(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "pod.json"
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
    found = split(mapped(replace(pod, volumes=(run,))), "app")
    assert found.verdict == "after-changes"
    (crossing,) = (each for each in found.crossings if each.channel.kind == "volume")
    assert crossing.fate == "change"
    for usage in (replace(run.usage, inodes=3), replace(run.usage, complete=False), None):  # type: ignore[type-var]
        fuller = mapped(replace(pod, volumes=(replace(run, usage=usage),)))
        assert split(fuller, "app").verdict == "bound"


def test_a_meshs_proxy_is_no_tie_and_cannot_move() -> None:
    pod = judged(recorded("meshed"))
    found = split(pod, "app")
    assert found.verdict == "possible"
    assert "a Pod of app's own gets one, too" in found.crossings[0].why
    assert split(pod, "istio-proxy").verdict == "bound"
