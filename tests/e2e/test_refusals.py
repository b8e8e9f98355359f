"""What cannot be looked at: one error with cause and way out, exit status 1, in time, and nothing half made."""

from typing import Any

import pytest

from tests.e2e import pods
from tests.e2e.conftest import Kube


def test_a_pod_that_does_not_exist(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("webshop", namespace, pods.sleeper("a", kube.images)))
    kube.cannot_look("webshpo", "-n", namespace, words=("no Pod webshpo", "there is webshop"))
    kube.cannot_look("deploy/nope", "-n", namespace, words=("no deploy/nope", "kubectl get deployments"))
    kube.cannot_look("webshop", "-n", f"{namespace}-other", words=("no Pod webshop", f"-n {namespace}"))


def test_a_namespace_without_permission(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.cannot_look(
        "one",
        "-n",
        namespace,
        "--as",
        "viewer",
        words=("may not get pods", namespace, "podprobe doctor --role"),
    )


def test_a_misspelt_container_costs_the_pod_no_agent(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")
    for command in (("split", "one"), ("latency", "one")):
        done = kube.podprobe(*command, "-n", namespace, "-c", "nope")
        assert done.returncode == 2, done.stderr
        assert "one has no container 'nope'" in done.stderr
    assert not kube.agents(namespace, "one")


def test_a_pending_pod(kube: Kube, namespace: str) -> None:
    kube.apply(
        pods.pod("nowhere", namespace, pods.sleeper("a", kube.images), nodeSelector={"no": "such-node"}),
        pods.pod("noimage", namespace, pods.container("a", "127.0.0.1:1/none:1", "sh")),
    )

    def waiting() -> Any:
        statuses = kube.get("pod", "noimage", "-n", namespace)["status"].get("containerStatuses") or [{}]
        return "Pull" in str(statuses[0].get("state", {}).get("waiting", {}).get("reason"))

    kube.wait("the failure to pull", waiting)
    kube.cannot_look("nowhere", "-n", namespace, words=("nothing runs", "node", "kubectl describe"))
    kube.cannot_look("noimage", "-n", namespace, words=("nothing runs", "Pull", "127.0.0.1:1/none:1"))
    assert not kube.agents(namespace, "nowhere")
    assert not kube.agents(namespace, "noimage")


def test_a_finished_pod(kube: Kube, namespace: str) -> None:
    kube.apply(
        pods.pod(
            "done", namespace, pods.container("a", kube.images["busybox"], "true"), restartPolicy="Never"
        )
    )
    kube.wait("its end", lambda: kube.get("pod", "done", "-n", namespace)["status"]["phase"] == "Succeeded")
    kube.cannot_look("done", "-n", namespace, words=("has ended", "Succeeded"))


def test_an_image_that_cannot_be_pulled_leaves_one_entry_and_never_a_second(
    kube: Kube, namespace: str
) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")
    for _ in range(2):
        kube.cannot_look(
            "one", "-n", namespace, "--image", "127.0.0.1:1/none:1",
            words=("127.0.0.1:1/none:1", "connection refused", "--image"),
        )  # fmt: skip
        assert len(kube.agents(namespace, "one")) == 1
    # Another image works beside it.
    kube.snapshot("one", "-n", namespace)


def test_an_image_without_a_shell_or_python(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    kube.cannot_look("one", "-n", namespace, "--image", kube.images["distroless"], words=("sh", "Python 3.9"))
    kube.cannot_look(
        "one", "-n", namespace, "--image", kube.images["busybox"], words=("python3", "Python 3.9")
    )


def test_an_api_server_that_is_not_there(kube: Kube, tmp_path: Any) -> None:
    path = tmp_path / "config"
    path.write_text(kube.kubeconfig.read_text())
    kube.podprobe()
    import json

    config = json.loads(path.read_text()) if path.read_text().lstrip().startswith("{") else None
    if config is None:
        pytest.skip("needs the tests' own cluster")
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path.write_text(json.dumps(config))
    kube.cannot_look(
        "one", "--kubeconfig", str(path), words=("https://127.0.0.1:1 refuses connections", "context")
    )
    kube.cannot_look("one", "--context", "no-such", words=("no context 'no-such'", "--context"))


def test_a_static_pod(kube: Kube) -> None:
    if kube.cluster is None:
        pytest.skip("static Pods need the tests' own cluster")
    import json

    manifest = kube.cluster.state / "manifests/static.json"
    manifest.write_text(json.dumps(pods.pod("static", "default", pods.sleeper("a", kube.images))))
    try:
        name = "static-e2e-node"
        kube.wait("the mirror Pod", lambda: name in kube.kubectl("get", "pods", "-o", "name"))
        kube.ready("default", name)
        kube.cannot_look(name, "-n", "default", words=("static Pod", "local:PID"))
        assert not kube.agents("default", name)
    finally:
        manifest.unlink()
