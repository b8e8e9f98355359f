"""Quotas, limits and policies of the cluster: what they have to say about an agent, and how podprobe says it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Kube


def _entry(image: str) -> dict[str, Any]:
    """An ephemeral container, as somebody else would add it."""
    return {"name": "tried", "image": image, "command": ["true"]}


def _admits(kube: Kube, namespace: str, entry: dict[str, Any]) -> bool:
    """The API server would take it into the Pod `one`, by a dry run."""
    patch = json.dumps({"spec": {"ephemeralContainers": [entry]}})
    return not kube.refuses(
        "patch",
        "pod",
        "one",
        "-n",
        namespace,
        "--subresource=ephemeralcontainers",
        "--dry-run=server",
        "-p",
        patch,
    )


def test_a_quota_that_is_used_up_and_limits_are_not_in_the_way(kube: Kube, namespace: str) -> None:
    """Kubernetes charges ephemeral containers to nobody, and gives them no default limits: they have no resources."""
    used = {"memory": "64Mi"}
    kube.apply({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full", "namespace": namespace},
        "spec": {"hard": {"pods": "1", "requests.memory": "64Mi", "limits.memory": "64Mi", "count/pods": "1",
        }},
    }, {
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "exact", "namespace": namespace},
        "spec": {"limits": [{"type": "Container", "min": used, "max": used, "default": used, "defaultRequest": used}]},
    })  # fmt: skip
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    another = json.dumps(pods.pod("two", namespace, pods.sleeper("a", kube.images)))
    (kube_file := kube.kubeconfig.parent / f"{namespace}.json").write_text(another)
    try:
        kube.wait(
            "the quota to be used up",
            lambda: kube.refuses("create", "--dry-run=server", "-f", str(kube_file)),
        )
    finally:
        kube_file.unlink()
    assert [one["name"] for one in kube.snapshot("one", "-n", namespace)["containers"]] == ["a"]
    (agent,) = kube.agents(namespace, "one").values()
    assert agent["resources"] == {}
    status = kube.get("resourcequota", "full", "-n", namespace)["status"]
    assert status["used"] == status["hard"]


@pytest.fixture
def known_registries(kube: Kube, namespace: str) -> Iterator[str]:
    """A policy of the cluster's, for this namespace: ephemeral containers come from one registry."""
    name = f"{namespace}.podprobe.test"
    group = "admissionregistration.k8s.io/v1"
    kube.apply({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
                "resources": ["pods/ephemeralcontainers"],
            }]},
            "validations": [{
                "expression": "object.spec.?ephemeralContainers.orValue([])"
                ".all(one, one.image.startsWith('localhost/'))",
                "message": "debug images come from localhost/ here, ask the platform team",
            }],
        },
    }, {
        "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    })  # fmt: skip
    yield namespace
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        kube.kubectl("delete", kind, name, "--wait=false")


def test_a_policy_that_refuses_the_agents_image(kube: Kube, known_registries: str) -> None:
    namespace = known_registries
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")
    kube.wait(
        "the policy to be in force",
        lambda: not _admits(kube, namespace, _entry("docker.io/library/python:3-slim")),
    )
    assert _admits(kube, namespace, _entry(kube.images["python"]))
    kube.cannot_look(
        "one", "-n", namespace,
        words=("refuses every agent in Pod one", "debug images come from localhost/ here", "--image", "exception"),
    )  # fmt: skip
    assert not kube.agents(namespace, "one")
    assert "debug images come from localhost/" in kube.podprobe("doctor", "one", "-n", namespace).stdout
    # The way out that the error names.
    kube.snapshot("one", "-n", namespace, "--image", kube.images["python"])
    assert len(kube.agents(namespace, "one")) == 2
