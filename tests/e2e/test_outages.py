"""The API server and the kubelet go away and come back."""

import pytest

from podprobe.errors import LookError
from podprobe.targets.base import Progress
from podprobe.targets.kubernetes import open_pod
from tests.e2e import pods
from tests.e2e.conftest import Kube


def _quiet(_: Progress) -> None:
    pass


def test_a_restart_of_the_kubelet_is_survived(kube: Kube, namespace: str) -> None:
    if kube.cluster is None:
        pytest.skip("only the tests' own kubelet is restarted")
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    target = open_pod("pod/one", kube.access(namespace, request_timeout=5.0))
    try:
        agent = target.agents(_quiet).agents["a"]
        kube.cluster.stop("kubelet")
        kube.wait("the agent to be missed", lambda: not agent.alive, 20)
        with pytest.raises(LookError):
            target.agents(_quiet)
        kube.cluster.start_kubelet()

        def back() -> bool:
            try:
                target.state()
                return target.agents(_quiet).agents["a"].alive
            except LookError:
                return False

        kube.wait("agents again", back, 60)
        assert len(kube.agents(namespace, "one")) == 1
    finally:
        kube.cluster.start_kubelet()
        target.close()


def test_a_restart_is_survived(kube: Kube, namespace: str) -> None:
    if kube.cluster is None:
        pytest.skip("only the tests' own cluster is restarted")
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    target = open_pod("pod/one", kube.access(namespace, request_timeout=5.0))
    try:
        target.state()
        agent = target.agents(_quiet).agents["a"]
        kube.cluster.stop("apiserver", hard=True)
        with pytest.raises(LookError, match="refuses connections"):
            target.state()
        kube.wait("the agent to be missed", lambda: not agent.alive, 20)
        with pytest.raises(LookError):
            target.agents(_quiet)
        kube.cluster.start_api_server()
        kube.cluster._await_api_server()

        def back() -> bool:
            try:
                target.state()
                return target.agents(_quiet).agents["a"].alive
            except LookError:
                return False

        kube.wait("agents again", back, 30)
        assert len(kube.agents(namespace, "one")) == 1
    finally:
        target.close()
