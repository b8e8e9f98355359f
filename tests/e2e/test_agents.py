"""Agents: used again, ended in time, and never in the way."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from podprobe.errors import AgentError, TargetError
from podprobe.targets.base import Progress
from podprobe.targets.kubernetes import open_pod
from podprobe.targets.kubernetes.target import KubernetesTarget
from tests.e2e import pods
from tests.e2e.conftest import Kube


def _open(kube: Kube, namespace: str, pod: str, ttl: int = 900) -> KubernetesTarget:
    return open_pod(f"pod/{pod}", kube.access(namespace, ttl_seconds=ttl))


def _quiet(_: Progress) -> None:
    pass


def test_a_second_look_adds_nothing_and_delete_takes_no_longer(kube: Kube, namespace: str) -> None:
    for name in ("with", "without"):
        kube.apply(pods.pod(name, namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "with", "without")
    kube.snapshot("with", "-n", namespace)
    first = kube.agents(namespace, "with")
    assert {one["targetContainerName"] for one in first.values()} == {"a", "b"}
    kube.snapshot("with", "-n", namespace)
    assert kube.agents(namespace, "with").keys() == first.keys()
    assert all("running" in one["state"] for one in first.values())

    described = kube.kubectl("describe", "pod", "with", "-n", namespace)
    for mark in ("PODPROBE_VERSION:", "PODPROBE_TTL:", "PODPROBE_TARGET:"):
        assert mark in described

    took: dict[str, float] = {}
    for name in ("without", "with"):
        began = time.monotonic()
        kube.kubectl("delete", "pod", name, "-n", namespace)
        took[name] = time.monotonic() - began
    # An agent that ignored SIGTERM would hold the Pod for its whole grace period.
    assert took["with"] < took["without"] + 2.0, took


def test_two_looks_at_the_same_time_share_their_agents(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")
    # Another timeout each: else they would share one connection.
    targets = [open_pod("pod/one", kube.access(namespace, request_timeout=30.0 + more)) for more in range(3)]
    together = threading.Barrier(len(targets))

    def look(target: KubernetesTarget) -> set[str | None]:
        target.state()
        together.wait(30)
        return set(target.agents(_quiet).agents)

    try:
        with ThreadPoolExecutor(len(targets)) as pool:
            assert list(pool.map(look, targets)) == [{"a", "b"}] * len(targets)
        made = kube.agents(namespace, "one")
        assert sorted(one["targetContainerName"] for one in made.values()) == ["a", "b"]
    finally:
        for target in targets:
            target.close()


def test_they_end_by_themselves_and_no_process_is_left(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    kube.snapshot("one", "-n", namespace, "--ttl", "3s")
    (name,) = kube.agents(namespace, "one")
    state = kube.wait("its end", lambda: kube.agents(namespace, "one")[name]["state"].get("terminated"), 30)
    assert state["exitCode"] == 0
    left = kube.kubectl("exec", "-n", namespace, "one", "-c", "a", "--", "sh", "-c", "cat /proc/[0-9]*/stat")
    names = sorted(line.split("(")[1].split(")")[0] for line in left.splitlines() if "(" in line)
    # The application's own two, and those that looked.
    assert [name for name in names if name not in ("sh", "cat")] == ["sleep"]
    assert " Z " not in left


def test_an_agent_in_use_outlives_its_lifetime(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    target = _open(kube, namespace, "one", ttl=2)
    try:
        agent = target.agents(_quiet).agents["a"]
        time.sleep(5)
        assert agent.alive
        assert target.agents(_quiet).agents["a"] is agent
        assert len(kube.agents(namespace, "one")) == 1
    finally:
        target.close()


def test_cleanup_ends_them_now(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")
    kube.snapshot("one", "-n", namespace)
    done = kube.podprobe("cleanup", "one", "-n", namespace)
    assert (done.returncode, done.stdout) == (0, f"ended 2 agents in {namespace}/one\n")
    assert all(one["state"]["terminated"]["exitCode"] == 0 for one in kube.agents(namespace, "one").values())
    statuses = kube.get("pod", "one", "-n", namespace)["status"]["containerStatuses"]
    assert all(one["restartCount"] == 0 for one in statuses)
    done = kube.podprobe("cleanup", "pod/one", "-n", namespace)
    assert done.stdout == f"ended 0 agents in {namespace}/one\n"


def test_a_restarted_container_gets_a_new_agent(kube: Kube, namespace: str) -> None:
    again = pods.container("a", kube.images["busybox"], "sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
    kube.apply(pods.pod("one", namespace, again, pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")
    target = _open(kube, namespace, "one")
    try:
        before = target.agents(_quiet).agents
        kube.end_container(namespace, "one", "a")

        def renewed() -> bool:
            try:
                target.state()
                found = target.agents(_quiet).agents
            except AgentError:
                return False
            return "a" in found and found["a"] is not before["a"] and found["a"].alive

        kube.wait("a new agent", renewed, 30)
        assert target.agents(_quiet).agents["b"] is before["b"]
        made = kube.agents(namespace, "one")
        assert sorted(one["targetContainerName"] for one in made.values()) == ["a", "a", "b"]
    finally:
        target.close()


def test_a_cut_stream_is_connected_again_without_a_new_container(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    target = _open(kube, namespace, "one")
    try:
        agent = target.agents(_quiet).agents["a"]
        # Cut it below every layer that could say goodbye.
        stream = agent._wire._stream
        stream._socket.shutdown(2)
        kube.wait("its end to be noticed", lambda: not agent.alive, 10)
        target.state()
        again = target.agents(_quiet).agents["a"]
        assert again is not agent
        assert again.look(["processes"]).end
        assert len(kube.agents(namespace, "one")) == 1
    finally:
        target.close()


def test_a_pod_that_goes_and_one_that_takes_its_name(kube: Kube, namespace: str) -> None:
    made = pods.pod("one", namespace, pods.sleeper("a", kube.images))
    kube.apply(made)
    kube.ready(namespace, "one")
    target = _open(kube, namespace, "one")
    try:
        first = target.agents(_quiet).agents["a"]
        kube.kubectl("delete", "pod", "one", "-n", namespace)
        kube.wait("the agent to be missed", lambda: not first.alive, 10)
        with pytest.raises(TargetError, match="no Pod one"):
            target.state()
        with pytest.raises(TargetError, match="no Pod one"):
            target.agents(_quiet)
        kube.apply(made)
        kube.ready(namespace, "one")
        target.state()
        second = target.agents(_quiet).agents["a"]
        assert second is not first
        assert second.alive
    finally:
        target.close()


def test_a_pod_with_many_ended_agents_is_told_so(
    kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from podprobe.targets.kubernetes import ephemeral

    monkeypatch.setattr(ephemeral, "MANY_ENDED", 1)
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    kube.snapshot("one", "-n", namespace)
    kube.podprobe("cleanup", "one", "-n", namespace)
    target = _open(kube, namespace, "one")
    try:
        notes = target.agents(_quiet).visibility
        assert any("1 ended agents" in note.reason for note in notes)
    finally:
        target.close()


def test_one_agent_for_all(kube: Kube, namespace: str) -> None:
    kube.apply(
        pods.pod("each", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)),
        pods.pod(
            "shared",
            namespace,
            pods.sleeper("a", kube.images),
            pods.sleeper("b", kube.images),
            shareProcessNamespace=True,
        ),
    )
    kube.ready(namespace, "each", "shared")
    seen = kube.snapshot("each", "-n", namespace, "--agents", "single")
    assert len(kube.agents(namespace, "each")) == 1
    assert any(note["area"] == "agent" and note["container"] == "b" for note in seen["visibility"])
    seen = kube.snapshot("shared", "-n", namespace)
    (agent,) = kube.agents(namespace, "shared").values()
    assert "targetContainerName" not in agent
    assert seen["target"]["shared_pid"] is True


def test_dev_shm_of_a_volume_is_seen(kube: Kube, namespace: str) -> None:
    writer = pods.container(
        "a", kube.images["busybox"], "sh", "-c", "trap 'exit 0' TERM; echo hello >/dev/shm/note; sleep 3600 & wait",
        volumeMounts=[{"name": "ring", "mountPath": "/dev/shm"}],
    )  # fmt: skip
    volume = {"name": "ring", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}
    kube.apply(pods.pod("one", namespace, writer, volumes=[volume]))
    kube.ready(namespace, "one")
    seen = kube.snapshot("one", "-n", namespace)
    assert "note" in json.dumps(seen["ipc"]["posix_shared_memory"])
