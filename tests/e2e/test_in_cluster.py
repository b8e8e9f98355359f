"""podprobe inside the cluster: the image of deploy/Containerfile, and the manifests of deploy/ as they are.

Nothing here has a kubeconfig: the Pods speak to the API server as their service account, at its Service's address.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from podprobe.model import json_schema
from tests.e2e import images
from tests.e2e.conftest import ROOT, Kube
from tests.e2e.workloads import apply_deploy, busybox_deployment
from tests.support.prometheus import needs_prometheus, prometheus, query

pytestmark = pytest.mark.timeout(600)
"""The image is built before the first test."""

_IMAGE = "localhost/podprobe:e2e"


@pytest.fixture(scope="module")
def image(kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The client's image, built from deploy/Containerfile; or what `PODPROBE_E2E_IMAGE` names."""
    if named := os.environ.get("PODPROBE_E2E_IMAGE"):
        return named
    if kube.cluster is None:
        pytest.skip("set PODPROBE_E2E_IMAGE to an image of deploy/Containerfile that this cluster can pull")
    if not kube.cluster.routes_services:
        pytest.skip("Pods reach Services with kube-proxy (in KUBE_BIN), nft and conntrack only")
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    base = images.archive(images.cache_directory(), "python:3-slim")
    archive = tmp_path_factory.mktemp("image") / "podprobe.tar"
    _podman("load", "--input", str(base))
    # How the package index is reached is this machine's affair: mounted while the image is built, not part of it.
    mounted = [
        path for path in ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt") if Path(path).exists()
    ]
    _podman(
        "build", "--network=host", "--ulimit=nofile=1024:1024", *(f"--volume={path}:{path}:ro" for path in mounted),
        "--build-arg=PYTHON=localhost/python:3-slim", "--file", "deploy/Containerfile", "--tag", _IMAGE, ".",
    )  # fmt: skip
    _podman("save", "--format=oci-archive", "--output", str(archive), _IMAGE)
    kube.cluster.load_image(archive)
    return _IMAGE


def test_scheduled_snapshots(kube: Kube, restricted: str, image: str, tmp_path: Path) -> None:
    names = busybox_deployment(kube, restricted, "web", 2, {"podprobe.dev/scheduled": "true"})
    busybox_deployment(kube, restricted, "other", 1)
    apply_deploy(kube, "scheduled", restricted, image, tmp_path)
    kube.kubectl("create", "job", "try", "--from=cronjob/podprobe-snapshots", "-n", restricted)
    kube.wait("the end of the Job", lambda: _ended(kube, restricted, "try"), 120)
    log = kube.kubectl("logs", "job/try", "-n", restricted)
    assert _ended(kube, restricted, "try") == "Complete", log
    documents = [json.loads(line) for line in log.splitlines()]
    assert sorted(document["target"]["pod"] for document in documents) == names
    for document in documents:
        jsonschema.validate(document, json_schema())
        (listener,) = document["network"]["listeners"]
        assert (listener["port"], listener["container"]) == (8080, "web")
        # What the role leaves out, nothing asks for.
        assert "forbidden" not in json.dumps(document["visibility"])


@needs_prometheus
def test_a_watched_workload(kube: Kube, restricted: str, image: str, tmp_path: Path) -> None:
    (name,) = busybox_deployment(kube, restricted, "web", 1)
    apply_deploy(kube, "metrics", restricted, image, tmp_path)
    # Ready means that /healthz says that looks succeed.
    kube.kubectl("rollout", "status", "deploy/podprobe-metrics", "-n", restricted, "--timeout=120s")
    service = f"/api/v1/namespaces/{restricted}/services/podprobe-metrics:metrics/proxy"
    assert kube.kubectl("get", "--raw", f"{service}/healthz") == "ok\n"
    assert f'pod="{name}"' in kube.kubectl("get", "--raw", f"{service}/metrics")
    with prometheus(tmp_path, _annotated(kube, restricted)) as port:
        (up,) = kube.wait("a scrape", lambda: query(port, "podprobe_up"))
        assert (up["metric"]["pod"], up["value"][1]) == (name, "1")
        (backlog,) = query(port, 'podprobe_listener_backlog_limit{port="8080"}')
        assert backlog["metric"]["container"] == "web"


def _annotated(kube: Kube, namespace: str) -> dict[str, Any]:
    """Scrape the Pods that say so in their annotations. (Debian builds its Prometheus without Kubernetes.)"""
    mark = "prometheus.io"
    marked = [
        (pod["status"]["podIP"], pod["metadata"]["annotations"])
        for pod in kube.get("pods", "-n", namespace)["items"]
        if pod["metadata"].get("annotations", {}).get(f"{mark}/scrape") == "true"
    ]
    (target,) = [f"{address}:{annotations[f'{mark}/port']}" for address, annotations in marked]
    return {"job_name": "pods", "honor_labels": True, "static_configs": [{"targets": [target]}]}


def _ended(kube: Kube, namespace: str, job: str) -> str:
    """`Complete` or `Failed`; empty while it runs."""
    conditions = kube.get("job", job, "-n", namespace)["status"].get("conditions", [])
    true = {one["type"] for one in conditions if one["status"] == "True"}
    return next((end for end in ("Complete", "Failed") if end in true), "")


def _podman(*arguments: str) -> None:
    began = time.monotonic()
    done = subprocess.run(
        ["podman", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, (
        f"podman {arguments[0]} failed after {time.monotonic() - began:.0f} s: {done.stderr}"
    )
