"""What of a Pod its agents cannot see, because of whose they are."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podprobe.targets.kubernetes.agents import holders, manifest
from podprobe.targets.kubernetes.coverage import of_groups, of_shared_agent
from podprobe.targets.kubernetes.objects import Pod
from podprobe.targets.kubernetes.wants import Want


def _pod(theirs: list[int], ours: list[int] | None, whole: dict[str, Any], security: dict[str, Any]) -> Pod:
    agent = manifest(
        container="web", target_id="x", join="web", image="i", ttl=1, profile="mirror", version="1", security=security,
        mounts=[], taken=(),
    )  # fmt: skip
    uid, gid = security["runAsUser"], security["runAsGroup"]

    def user(groups: list[int]) -> dict[str, Any]:
        return {"linux": {"uid": uid, "gid": gid, "supplementalGroups": groups}}

    running = {"running": {}}
    state = {"name": agent["name"], "state": running, "user": user(ours) if ours is not None else None}
    return msgspec.convert(
        {
            "metadata": {"name": "one"},
            "spec": {
                "containers": [{"name": "web"}],
                "ephemeralContainers": [agent],
                "securityContext": whole,
            },
            "status": {
                "containerStatuses": [{"name": "web", "state": running, "user": user(theirs)}],
                "ephemeralContainerStatuses": [state],
            },
        },
        Pod,
    )


USER = {"runAsUser": 5, "runAsGroup": 6}
ROOT = {"runAsUser": 0, "runAsGroup": 0}


@pytest.mark.parametrize(
    ("theirs", "ours", "whole", "security", "lacks"),
    [
        ([6, 101, 102], [6], {}, USER, "101, 102"),
        ([6, 101], [6, 101], {}, USER, None),
        # The agent's own are not reported: the Pod's are what it has.
        ([6, 7, 8, 101], None, {"supplementalGroups": [7], "fsGroup": 8}, USER, "101"),
        ([0, 10], [0], {}, ROOT, None),
        ([0, 10], [0], {}, {**ROOT, "capabilities": {"drop": ["ALL"]}}, "10"),
        ([0, 10], [0], {}, {**ROOT, "capabilities": {"add": ["DAC_READ_SEARCH"], "drop": ["ALL"]}}, None),
    ],
)
def test_groups_that_only_the_container_s_image_gives(
    theirs: list[int],
    ours: list[int] | None,
    whole: dict[str, Any],
    security: dict[str, Any],
    lacks: str | None,
) -> None:
    pod = _pod(theirs, ours, whole, security)
    (holder,) = holders(pod)
    notes = list(of_groups(pod, Want("web", "web"), holder))
    assert [f"group {lacks}," in note.reason for note in notes] == ([] if lacks is None else [True])
    assert all(note.allow and f"supplementalGroups: [{lacks}]" in note.allow for note in notes)


def test_the_one_agent_of_a_shared_namespace_sees_other_users_with_ptrace() -> None:
    def status(name: str, uid: int) -> dict[str, Any]:
        return {"name": name, "state": {"running": {}}, "user": {"linux": {"uid": uid}}}

    pod = msgspec.convert(
        {
            "spec": {"containers": [{"name": "a"}, {"name": "b"}], "shareProcessNamespace": True},
            "status": {"containerStatuses": [status("a", 1), status("b", 2)]},
        },
        Pod,
    )
    assert [note.container for note in of_shared_agent(pod, [Want(None, "a")], "mirror")] == ["b"]
    assert not list(of_shared_agent(pod, [Want(None, "a")], "ptrace"))
