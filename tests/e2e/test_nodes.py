"""A node whose kubelet has stopped, or that is gone: one error, in time, and a watch that goes on when it is back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.conftest import Kube

NODE = "e2e-node"
BRIEFLY = ("--request-timeout", "5s")


@pytest.fixture
def cluster(kube: Kube) -> Iterator[Cluster]:
    """The tests' own cluster, its kubelet running again afterwards, whatever happened."""
    if kube.cluster is None:
        pytest.skip("only the tests' own kubelet is stopped")
    yield kube.cluster
    kube.cluster.start_kubelet()
    kube.wait("the node", lambda: " Ready " in kube.kubectl("get", "nodes"), 90)


def test_a_node_whose_kubelet_has_stopped(kube: Kube, cluster: Cluster, namespace: str) -> None:
    kube.apply(
        pods.pod("with", namespace, pods.sleeper("a", kube.images)),
        pods.pod("without", namespace, pods.sleeper("a", kube.images)),
    )
    kube.ready(namespace, "with", "without")
    kube.snapshot("with", "-n", namespace)
    cluster.stop("kubelet")
    # The control plane has not noticed yet.
    kube.cannot_look(
        "with", "-n", namespace, *BRIEFLY, words=("10250", "the node of Pod with", "kubectl get nodes")
    )
    kube.cannot_look(
        "without", "-n", namespace, *BRIEFLY, words=(NODE, "did not start the agent", "kubectl get node")
    )
    assert len(kube.agents(namespace, "without")) == 1
    # Tried again, it waits for that one, and adds none.
    kube.cannot_look("without", "-n", namespace, *BRIEFLY, words=(NODE, "did not start the agent"))
    assert len(kube.agents(namespace, "without")) == 1

    kube.apply(pods.pod("late", namespace, pods.sleeper("a", kube.images)))
    kube.wait("the node to be missed", lambda: " NotReady " in kube.kubectl("get", "nodes"), 120)
    kube.cannot_look(
        "without", "-n", namespace, *BRIEFLY, words=(NODE, "not ready", f"kubectl describe node {NODE}")
    )
    kube.cannot_look("late", "-n", namespace, *BRIEFLY, words=("nothing runs in Pod late",))

    cluster.start_kubelet()
    kube.wait("the node", lambda: " Ready " in kube.kubectl("get", "nodes"), 90)
    kube.snapshot("without", "-n", namespace)
    kube.snapshot("with", "-n", namespace)
    assert {name: len(kube.agents(namespace, name)) for name in ("with", "without")} == {
        "with": 1,
        "without": 1,
    }


def test_a_node_that_is_gone(kube: Kube, cluster: Cluster, namespace: str) -> None:
    kube.apply(
        pods.pod("with", namespace, pods.sleeper("a", kube.images)),
        pods.pod("without", namespace, pods.sleeper("a", kube.images)),
    )
    kube.ready(namespace, "with", "without")
    kube.snapshot("with", "-n", namespace)
    cluster.stop("kubelet")
    kube.kubectl("delete", "node", NODE)
    kube.cannot_look(
        "without", "-n", namespace, *BRIEFLY, words=(f"node {NODE} of Pod without is gone", "another")
    )
    assert not kube.agents(namespace, "without")
    kube.cannot_look("with", "-n", namespace, *BRIEFLY, words=(f"node {NODE} of Pod with is gone", "another"))


def _read(lines: IO[str] | None, into: list[str]) -> None:
    assert lines
    for line in lines:
        into.append(line)  # noqa: PERF402  # one at a time, as they come


def test_a_watch_outlives_a_restart_of_the_kubelet(kube: Kube, cluster: Cluster, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    arguments = ("watch", "one", "-n", namespace, "-i", "500ms", "--passive", *BRIEFLY)
    looks: list[str] = []
    failures: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "podprobe", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kube.environment,
    ) as process:  # fmt: skip
        readers = [
            threading.Thread(target=_read, args=(process.stdout, looks)),
            threading.Thread(target=_read, args=(process.stderr, failures)),
        ]
        for reader in readers:
            reader.start()
        try:
            kube.wait("a look", lambda: looks, 60)
            cluster.stop("kubelet", hard=True)
            kube.wait("a look that fails", lambda: any("10250" in line for line in failures), 60)
            seen = len(looks)
            cluster.start_kubelet()
            kube.wait("a look again", lambda: len(looks) > seen, 90)
        finally:
            process.terminate()
            for reader in readers:
                reader.join(20)
        assert process.wait(20) == 0
    assert {json.loads(line)["target"]["pod"] for line in looks} == {"one"}
    assert not any("Traceback" in line for line in failures)
    assert len(kube.agents(namespace, "one")) == 1
