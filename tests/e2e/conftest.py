"""A real cluster: that of PODPROBE_E2E_KUBECONFIG, else one of our own from KUBE_BIN, else a skip."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.targets.access import Access
from tests.e2e import images
from tests.e2e.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
_PUBLIC = {
    "busybox": "docker.io/library/busybox:1",
    "python": "docker.io/library/python:3-slim",
    "distroless": "registry.k8s.io/pause:3.10",
    "nginx": "docker.io/library/nginx:1",
    "postgres": "docker.io/library/postgres:17",
    "redis": "docker.io/library/redis:8",
    "socat": "docker.io/alpine/socat:latest",
    "haproxy": "docker.io/library/haproxy:3.2",
    "iptables": "docker.io/istio/proxyv2:1.29.0",
    "envoy": "docker.io/envoyproxy/envoy:v1.37-latest",
}
_OWN = {
    "busybox": "localhost/busybox:1",
    "python": "localhost/python:3-slim",
    "distroless": "localhost/distroless:1",
    **dict.fromkeys(("nginx", "postgres", "redis", "socat"), "localhost/services:1"),
    **dict.fromkeys(("haproxy", "iptables"), "localhost/proxies:1"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


class Kube:
    """The cluster that the tests use, and podprobe on it."""

    def __init__(self, kubeconfig: Path, images: dict[str, str], cluster: Cluster | None) -> None:
        self.kubeconfig = kubeconfig
        self.images = images
        self.cluster = cluster
        """`None` where the cluster is somebody else's: it is not restarted then."""
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PODPROBE_")},
            "KUBECONFIG": str(kubeconfig),
            "PATH": os.pathsep.join(filter(None, (os.environ.get("KUBE_BIN"), os.environ.get("PATH")))),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "agent"))),
            "XDG_CONFIG_HOME": "/nonexistent",
            "NO_COLOR": "1",
        }

    def access(self, namespace: str, **more: Any) -> Access:
        """How a test reaches a Pod without the command line."""
        return Access(
            namespace=namespace, kubeconfig=str(self.kubeconfig),
            **{"image": "docker.io/library/python:3-slim", "ttl_seconds": 900} | more,
        )  # fmt: skip

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["kubectl", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def end_container(self, namespace: str, pod: str, container: str) -> None:
        """Have its first process end. What does that ends with it, often before it has said so."""
        self.refuses("exec", "-n", namespace, pod, "-c", container, "--", "kill", "1")

    def refuses(self, *arguments: str) -> bool:
        """kubectl fails."""
        done = subprocess.run(["kubectl", *arguments], capture_output=True, env=self.environment, check=False)
        return done.returncode != 0

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        self.kubectl(
            "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        )

    def podprobe(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "podprobe", *arguments],
            capture_output=True, text=True, env=self.environment, timeout=timeout, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def snapshot(self, *arguments: str) -> dict[str, Any]:
        """A snapshot as JSON; nothing else may be on standard output."""
        done = self.podprobe("snapshot", "-o", "json", *arguments)
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def cannot_look(self, *arguments: str, words: tuple[str, ...]) -> None:
        """`snapshot` fails in time, with nothing on standard output, by one error that holds all of `words`."""
        began = time.monotonic()
        done = self.podprobe("snapshot", *arguments)
        took = time.monotonic() - began
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("podprobe: ")
        assert done.stderr.count("\n") == 2, f"one error and its way out: {done.stderr}"
        for word in words:
            assert word in done.stderr, done.stderr
        assert took < 10, f"{took:.1f} s: {done.stderr}"

    def agents(self, namespace: str, pod: str) -> dict[str, dict[str, Any]]:
        """podprobe's ephemeral containers by name, with their state."""
        found = self.get("pod", pod, "-n", namespace)
        states = {
            one["name"]: one.get("state", {}) for one in found["status"].get("ephemeralContainerStatuses", [])
        }
        return {
            one["name"]: {**one, "state": states.get(one["name"], {})}
            for one in found["spec"].get("ephemeralContainers", [])
            if one["name"].startswith("podprobe-")
        }

    def wait(self, what: str, done: Callable[[], Any], seconds: float = 60.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if result := done():
                return result
            time.sleep(0.2)
        raise AssertionError(f"{what} did not happen in {seconds:.0f} s")

    def ready(self, namespace: str, *pods: str) -> None:
        """Wait until the Pods are ready."""
        self.kubectl(
            "wait", "-n", namespace, "--for=condition=Ready", "--timeout=90s", *(f"pod/{pod}" for pod in pods)
        )


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    # Only when asked for: a developer's KUBECONFIG may point at a cluster where tests have no business.
    if os.environ.get("PODPROBE_E2E_KUBECONFIG"):
        yield Kube(Path(os.environ["PODPROBE_E2E_KUBECONFIG"]), _PUBLIC, None)
        return
    cluster = Cluster()
    if obstacle := cluster.obstacle():
        pytest.skip(f"{obstacle}; or set PODPROBE_E2E_KUBECONFIG to a cluster for tests")
    left_running = cluster.running
    if not left_running:
        cluster.up()
    own = (
        {**_OWN, "envoy": f"localhost/{images.OPTIONAL}"}
        if images.has_envoy(images.cache_directory())
        else _OWN
    )
    yield Kube(cluster.kubeconfig(), own, cluster)
    if not left_running:
        cluster.down()


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test."""
    yield from _namespace(kube, {})


@pytest.fixture
def restricted(kube: Kube) -> Iterator[str]:
    """A namespace that enforces the Pod Security level `restricted`."""
    yield from _namespace(kube, {"pod-security.kubernetes.io/enforce": "restricted"})


@pytest.fixture
def baseline(kube: Kube) -> Iterator[str]:
    """A namespace that enforces the Pod Security level `baseline`."""
    yield from _namespace(kube, {"pod-security.kubernetes.io/enforce": "baseline"})


def _namespace(kube: Kube, labels: dict[str, str]) -> Iterator[str]:
    name = f"podprobe-e2e-{secrets.token_hex(3)}"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    # A Pod made before its namespace's service account exists would be refused.
    kube.wait("the service account", lambda: kube.kubectl("get", "serviceaccounts", "-n", name, "-o", "name"))
    yield name
    kube.kubectl("delete", "pods", "-n", name, "--all", "--grace-period=1", "--wait=false")
    kube.kubectl("delete", "namespace", name, "--wait=false")
