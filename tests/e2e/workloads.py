"""Workloads that several tests make, and manifests of deploy/ as a user changes them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tests.e2e import pods
from tests.e2e.conftest import ROOT, Kube

if TYPE_CHECKING:
    from pathlib import Path


def busybox_deployment(
    kube: Kube, namespace: str, name: str, replicas: int, labels: dict[str, str] | None = None
) -> list[str]:
    """Busybox serving on :8080 as `restricted` wants it; the replicas' names in order. They are labelled app=NAME."""
    web = pods.container(
        "web", kube.images["busybox"], "httpd", "-f", "-p", "8080", "-h", "/tmp",
        ports=[{"containerPort": 8080}],
        securityContext={
            "runAsUser": 1000, "runAsNonRoot": True, "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        },
    )  # fmt: skip
    app = {"app": name}
    kube.apply({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": app},
            "template": {
                "metadata": {"labels": app | (labels or {})},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [web]},
            },
        },
    })  # fmt: skip
    kube.kubectl("rollout", "status", f"deploy/{name}", "-n", namespace, "--timeout=90s")
    found = kube.get("pods", "-n", namespace, "-l", f"app={name}")["items"]
    return sorted(pod["metadata"]["name"] for pod in found)


def apply_deploy(kube: Kube, folder: str, namespace: str, image: str, workdir: Path) -> None:
    """Apply a folder of deploy/ in a namespace with an image, by an overlay as its kustomization describes."""
    name, _, tag = image.rpartition(":")
    overlay = workdir / folder
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        json.dumps({
            "namespace": namespace,
            "resources": [os.path.relpath(ROOT / "deploy" / folder, overlay.resolve())],
            "images": [{"name": "podprobe", "newName": name, "newTag": tag}],
        })
    )  # fmt: skip
    kube.kubectl("apply", "-k", str(overlay))
