"""Many Pods at once, replicas compared, and the manifests of deploy/, on a real cluster."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from podprobe.model import json_schema
from tests.e2e import pods
from tests.e2e.conftest import ROOT, Kube
from tests.e2e.workloads import busybox_deployment
from tests.support.prometheus import free_port

if TYPE_CHECKING:
    from pathlib import Path

_REPLICAS = 4


def _deployment(kube: Kube, namespace: str, replicas: int = _REPLICAS) -> list[str]:
    return busybox_deployment(kube, namespace, "many", replicas)


def test_many_pods_a_file_each(kube: Kube, namespace: str, tmp_path: Path) -> None:
    names = _deployment(kube, namespace)
    done = kube.podprobe(
        "snapshot", "-n", namespace, "-l", "app=many", "-o", "json", "--out", str(tmp_path), timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{_REPLICAS} in all")
    files = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert sorted(files) == [f"{namespace}_{name}.json" for name in names]
    for document in files.values():
        jsonschema.validate(document, json_schema())
        (listener,) = document["network"]["listeners"]
        assert (listener["port"], listener["container"]) == (8080, "web")


def test_a_pod_deleted_in_the_middle_is_one_failure(kube: Kube, namespace: str, tmp_path: Path) -> None:
    names = _deployment(kube, namespace)
    # One at a time, in order of their names: while the first ones are looked at, the last one goes.
    command = [
        sys.executable, "-m", "podprobe", "snapshot", "-n", namespace, "-l", "app=many", "-o", "json",
        "--out", str(tmp_path), "--parallel", "1",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kube.environment
    ) as process:
        kube.wait("the first file", lambda: list(tmp_path.glob("*.json")))
        kube.kubectl("delete", "pod", names[-1], "-n", namespace, "--now", "--wait=true")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{namespace}_{name}.json" for name in names[:-1]
    ]
    assert out.startswith(f"{_REPLICAS} in all, 0 with something wrong, 1 not looked at")
    # Asked for while it goes, or when it is gone.
    assert err.startswith(f"podprobe: {namespace}/{names[-1]}: ")
    assert (
        f"there is no Pod {names[-1]}" in err
        or f"Pod {names[-1]} in namespace {namespace} is being deleted" in err
    )


def test_the_odd_replica_is_found(kube: Kube, namespace: str) -> None:
    names = _deployment(kube, namespace)
    # Labelled alike, and not the Deployment's: neither its newest Pod nor one of its replicas.
    kube.apply(pods.pod("stray", namespace, pods.sleeper("a", kube.images), labels={"app": "many"}))
    kube.ready(namespace, "stray")
    alike = kube.podprobe("diff", "deploy/many", "-n", namespace, "-o", "json", timeout=120)
    assert [one["name"] for one in json.loads(alike.stdout)["replicas"]] == names
    assert json.loads(alike.stdout)["oddities"] == []
    assert alike.returncode == 0

    kube.kubectl("exec", names[1], "-n", namespace, "--", "httpd", "-p", "127.0.0.1:6060", "-h", "/tmp")
    differs = kube.podprobe("diff", "deploy/many", "-n", namespace, "-o", "json", timeout=120)
    assert differs.returncode == 4
    odd = json.loads(differs.stdout)["oddities"]
    assert {one["replica"] for one in odd} == {names[1]}
    assert ("listener", "tcp 127.0.0.1:6060", True) in {
        (one["area"], one["subject"], one["here"]) for one in odd
    }


def test_a_watch_sees_what_changes(kube: Kube, namespace: str) -> None:
    (name,) = _deployment(kube, namespace, replicas=1)
    command = [
        sys.executable, "-m", "podprobe", "watch", name, "-n", namespace, "-i", "500ms", "--plain", "--passive"
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kube.environment
    ) as process:
        assert process.stdout
        assert f"{namespace}/{name}: nothing wrong" in process.stdout.readline()
        # Findings that need no second look come with the first; the port is not there yet.
        kube.kubectl("exec", name, "-n", namespace, "--", "httpd", "-p", "127.0.0.1:6060", "-h", "/tmp")
        while "Listener tcp 127.0.0.1:6060 appeared." not in (line := process.stdout.readline()):
            assert line, "it ended"
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_a_gate(kube: Kube, namespace: str, tmp_path: Path) -> None:
    """What a pipeline sees: the exit code says what was found, and whether anything was."""
    web = pods.container(
        "web", kube.images["busybox"], "httpd", "-f", "-p", "8080", ports=[{"containerPort": 8080}]
    )
    silent = pods.container("web", kube.images["busybox"], "sleep", "3600", ports=[{"containerPort": 8080}])
    kube.apply(
        pods.pod("good", namespace, web), pods.pod("declares", namespace, silent, terminationGracePeriodSeconds=0),
        *pods.reverse_proxy(namespace, kube.images),
    )  # fmt: skip
    kube.ready(namespace, "good", "declares", "mc3")

    def gate(*arguments: str) -> int:
        return kube.podprobe("snapshot", "-n", namespace, *arguments).returncode

    assert gate("good", "--fail-on", "warning") == 0
    # A program has a while to begin to listen (NET102).
    kube.wait("the warning", lambda: gate("declares", "--fail-on", "warning") == 4)
    assert gate("declares", "--fail-on", "critical") == 0
    assert gate("mc3", "--fail-on", "warning") == 3
    assert gate("mc3") == 0
    assert gate("good", "declares", "mc3", "--fail-on", "warning") == 3
    assert gate("good", "absent", "mc3", "--fail-on", "warning") == 1
    assert gate("good", "--kubeconfig", str(_nowhere(kube, tmp_path))) == 1
    assert gate("good", "--fail", "warning") == 2


def _nowhere(kube: Kube, directory: Path) -> Path:
    """A kubeconfig whose API server does not answer."""
    document = json.loads(kube.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file = directory / "kubeconfig"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize("folder", ["scheduled", "metrics"])
def test_the_api_server_takes_the_manifests(kube: Kube, restricted: str, folder: str) -> None:
    made = yaml.safe_load_all(kube.kubectl("kustomize", str(ROOT / "deploy" / folder)))
    objects = [one | {"metadata": one["metadata"] | {"namespace": restricted}} for one in made]
    assert {one["kind"] for one in objects} >= {"ServiceAccount", "Role", "RoleBinding"}
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    kube.kubectl("apply", "--dry-run=server", "-f", "-", stdin=listed)
    # A Job's or Deployment's Pods are judged only when they are made.
    template = next(_template(one) for one in objects if one["kind"] in ("CronJob", "Deployment"))
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try", "namespace": restricted},
        "spec": template["spec"] | {"serviceAccountName": "default"},
    }  # fmt: skip
    kube.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_the_role_of_scheduled_snapshots_suffices(kube: Kube, restricted: str) -> None:
    _deployment(kube, restricted, replicas=2)
    made = yaml.safe_load_all(kube.kubectl("kustomize", str(ROOT / "deploy/access")))
    for one in made:
        one["metadata"]["namespace"] = restricted
        for subject in one.get("subjects", ()):
            subject["namespace"] = restricted
        kube.apply(one)
    done = kube.podprobe(
        "snapshot", "-n", restricted, "-l", "app=many", "-o", "json", "--passive",
        "--as", f"system:serviceaccount:{restricted}:podprobe", timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(documents) == 2
    for document in documents:
        jsonschema.validate(document, json_schema())
        assert document["network"]["listeners"][0]["container"] == "web"
        assert "forbidden" not in json.dumps(document["visibility"])


def _template(made: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = made["spec"]
    return spec["jobTemplate"]["spec"]["template"] if made["kind"] == "CronJob" else spec["template"]  # type: ignore[no-any-return]


def test_a_watch_follows_its_workload_to_the_next_pod(kube: Kube, namespace: str) -> None:
    (first,) = _deployment(kube, namespace, 1)
    port = free_port()
    command = [
        sys.executable, "-m", "podprobe", "watch", "deploy/many", "-n", namespace, "-i", "1s", "--plain",
        "--listen", f":{port}",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kube.environment
    ) as process:
        try:
            assert process.stdout
            assert f"{namespace}/{first}: " in process.stdout.readline()
            kube.kubectl("delete", "pod", first, "-n", namespace, "--wait=true")
            line = next(line for line in process.stdout if "successor" in line)
            assert f"{namespace}/{first} is gone" in line
            (second,) = [
                pod["metadata"]["name"]
                for pod in kube.get("pods", "-n", namespace, "-l", "app=many")["items"]
            ]
            assert f"{namespace}/{second}: " in process.stdout.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                metrics = answer.read().decode()
            assert f'podprobe_up{{namespace="{namespace}",pod="{second}"}} 1.0' in metrics
            assert first not in metrics
        finally:
            process.terminate()
            _, err = process.communicate(timeout=30)
    assert f"podprobe: {first} is gone; looking at {second} now" in err
