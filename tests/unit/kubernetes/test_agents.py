"""How agents are named, marked, recognised and used again."""

from typing import Any

import msgspec
import pytest

from podprobe.errors import TargetError
from podprobe.targets.kubernetes.admission import shared_memory_mount
from podprobe.targets.kubernetes.agents import holders, manifest, new_name
from podprobe.targets.kubernetes.identity import parse
from podprobe.targets.kubernetes.images import explain, full_name, is_present
from podprobe.targets.kubernetes.lookable import check
from podprobe.targets.kubernetes.objects import Node, Pod
from tests.unit.kubernetes.recorded import load, pod


def test_names_fit_and_differ() -> None:
    long = new_name("a" * 63, ())
    assert len(long) == 63
    assert long.startswith("podprobe-aaa")
    names: set[str] = set()
    for _ in range(200):
        name = new_name("web", names)
        assert name not in names
        names.add(name)
    assert new_name("UPPER_case.", ()).isascii()


def test_recorded_agents_are_recognised() -> None:
    found = holders(load("mc1-with-agents", Pod))
    assert [one.container for one in found] == ["web", "writer", "ipc"]
    assert all(one.running and not one.ended for one in found)
    assert {one.user for one in found} == {"0:0"}
    assert {one.profile for one in found} == {"mirror"}


def test_a_manifest_is_recognised_as_what_it_is() -> None:
    made = manifest(
        container="web",
        target_id="containerd://abc",
        join="web",
        image="python:3",
        ttl=60,
        profile="mirror",
        version="9",
        security={"runAsUser": 5, "runAsGroup": 6},
        mounts=[],
        taken=(),
    )
    assert made["targetContainerName"] == "web"
    assert not made.keys() & {"resources", "ports", "livenessProbe", "restartPolicy", "lifecycle"}
    (holder,) = holders(pod(spec={"ephemeralContainers": [made]}))
    assert (holder.container, holder.target_id, holder.version, holder.user) == (
        "web",
        "containerd://abc",
        "9",
        "5:6",
    )
    assert not holder.running


def test_a_container_that_only_has_the_name_is_no_agent() -> None:
    assert not holders(pod(spec={"ephemeralContainers": [{"name": "podprobe-web-abcde"}]}))


def test_dev_shm_of_a_volume_is_mounted_too() -> None:
    recorded = load("rich", Pod)
    assert shared_memory_mount(recorded, "web") == [
        {"name": "ring", "mountPath": "/dev/shm", "readOnly": True}
    ]
    assert shared_memory_mount(recorded, "crash") == []


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3-slim", "docker.io/library/python:3-slim"),
        ("docker.io/python:3", "docker.io/library/python:3"),
        ("team/app", "docker.io/team/app:latest"),
        ("localhost/app:1", "localhost/app:1"),
        ("registry.example:5000/app", "registry.example:5000/app:latest"),
        ("quay.io/app@sha256:aa", "quay.io/app@sha256:aa"),
    ],
)
def test_image_names(short: str, full: str) -> None:
    assert full_name(short) == full


def test_an_image_is_known_from_the_pod_or_the_node() -> None:
    recorded, node = load("mc1-with-agents", Pod), load("node", Node)
    assert is_present(None, recorded, "python:3-slim")
    assert not is_present(None, recorded, "localhost/services:1")
    assert is_present(node, recorded, "localhost/services:1")
    assert not is_present(node, recorded, "python:3.14")


def _agent_with(state: dict[str, Any]) -> Pod:
    made = manifest(
        container="web",
        target_id=None,
        join="web",
        image="mirror/python",
        ttl=60,
        profile="mirror",
        version="9",
        security={},
        mounts=[],
        taken=(),
    )
    return pod(
        spec={"ephemeralContainers": [made]},
        status={"ephemeralContainerStatuses": [{"name": made["name"], "state": state}]},
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
            ("mirror/python", "node-1", "not found"),
        ),
        ({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}, ("Back-off",)),
        (
            {"waiting": {"reason": "CreateContainerConfigError", "message": "no such secret"}},
            ("no such secret",),
        ),
        (
            {
                "terminated": {
                    "reason": "StartError",
                    "exitCode": 128,
                    "message": "exec: sh: executable file not found",
                }
            },
            ("128", "not found"),
        ),
    ],
)
def test_why_an_agent_will_not_run(state: dict[str, Any], words: tuple[str, ...]) -> None:
    broken = _agent_with(state)
    trouble = explain(holders(broken)[0], broken)
    assert trouble
    assert trouble.hint
    assert all(word in trouble.message for word in words)


def test_an_agent_on_its_way_is_no_trouble() -> None:
    for state in ({"waiting": {"reason": "ContainerCreating"}}, {"running": {}}, {}):
        coming = _agent_with(state)
        assert explain(holders(coming)[0], coming) is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"status": {"phase": "Succeeded"}}, "has ended"),
        ({"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}}, "low on memory"),
        ({"spec": {"os": {"name": "windows"}}}, "Windows"),
        ({"spec": {"nodeSelector": {"kubernetes.io/os": "windows"}}}, "Windows"),
        ({"annotations": {"kubernetes.io/config.mirror": "x"}}, "static"),
        (
            {
                "status": {
                    "phase": "Pending",
                    "containerStatuses": [],
                    "conditions": [
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/3 nodes",
                        }
                    ],
                }
            },
            "0/3 nodes",
        ),
        (
            {
                "status": {
                    "phase": "Pending",
                    "containerStatuses": [
                        {
                            "name": "web",
                            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no image"}},
                        }
                    ],
                }
            },
            "no image",
        ),
    ],
)
def test_what_cannot_be_looked_at_is_known_beforehand(change: dict[str, Any], word: str) -> None:
    with pytest.raises(TargetError, match=word) as raised:
        check(pod(**change))
    assert raised.value.hint


def test_a_pod_that_is_being_deleted() -> None:
    going = msgspec.structs.replace(
        pod(),
        metadata=msgspec.convert(
            {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}, type(pod().metadata)
        ),
    )
    with pytest.raises(TargetError, match="being deleted"):
        check(going)


def test_a_running_pod_can_be_looked_at() -> None:
    check(pod())
    check(load("rich", Pod))


def test_identity_from_proc() -> None:
    text = b"Name:\tnginx\nUmask:\t0022\nUid:\t0\t33\t33\t33\nGid:\t5\t34\t34\t34\nGroups:\t34 100 \n"
    found = parse(text)
    assert found
    assert (found.uid, found.gid, found.supplemental_groups) == (33, 34, (34, 100))
    assert parse(b"cat: /proc/1/status: No such file") is None
