"""Agents have the privileges of the container they look at, under every Pod Security level."""

from typing import Any

import pytest

from tests.e2e import pods
from tests.e2e.conftest import Kube


def _fields(kube: Kube, namespace: str, pod: str, container: str) -> dict[str, str]:
    """/proc/1/status of what runs in the container's PID namespace first, and of an agent itself by /proc/self."""
    text = kube.kubectl("exec", "-n", namespace, pod, "-c", container, "--", "cat", "/proc/self/status")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@pytest.mark.parametrize(
    ("security", "whole"),
    [
        pytest.param({}, {}, id="root by default"),
        pytest.param({"runAsUser": 1234, "runAsGroup": 4321}, {}, id="a user"),
        pytest.param(
            {}, {"runAsUser": 55, "fsGroup": 66, "supplementalGroups": [77]}, id="the Pod's user and groups"
        ),
        pytest.param(
            {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, {}, id="one capability"
        ),
        pytest.param({"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False}, {}, id="read-only"),
        pytest.param({"seccompProfile": {"type": "Unconfined"}}, {}, id="unconfined"),
    ],
)
def test_mirrored(kube: Kube, namespace: str, security: dict[str, Any], whole: dict[str, Any]) -> None:
    kube.apply(
        pods.pod(
            "one", namespace, pods.sleeper("a", kube.images, securityContext=security), securityContext=whole
        )
    )
    kube.ready(namespace, "one")
    seen = kube.snapshot("one", "-n", namespace, "--passive")
    (agent,) = kube.agents(namespace, "one")
    own, theirs = _fields(kube, namespace, "one", agent), _fields(kube, namespace, "one", "a")
    for field in ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd"):
        assert own[field].split() == theirs[field].split(), field
    assert own["NoNewPrivs"].strip() == "1"
    assert int(own["Seccomp"]) >= int(theirs["Seccomp"])
    # It sees its container's files: nothing is missing.
    assert not [
        note
        for note in seen["visibility"]
        if note["container"] == "a" and note["area"] in ("agent", "fds", "maps", "files")
    ]


def test_a_privileged_container_has_an_unprivileged_agent(kube: Kube, namespace: str) -> None:
    kube.apply(
        pods.pod("one", namespace, pods.sleeper("a", kube.images, securityContext={"privileged": True}))
    )
    kube.ready(namespace, "one")
    seen = kube.snapshot("one", "-n", namespace, "--passive")
    (agent,) = kube.agents(namespace, "one")
    own, theirs = _fields(kube, namespace, "one", agent), _fields(kube, namespace, "one", "a")
    assert int(own["CapEff"], 16) < int(theirs["CapEff"], 16)
    assert any("privileged" in note["reason"] and note["container"] == "a" for note in seen["visibility"])


def test_baseline(kube: Kube, baseline: str) -> None:
    kube.apply(
        pods.pod("root", baseline, pods.sleeper("a", kube.images)),
        pods.pod(
            "user",
            baseline,
            pods.sleeper("a", kube.images, securityContext={"runAsUser": 1000, "runAsGroup": 1000}),
        ),
    )
    kube.ready(baseline, "root", "user")
    assert kube.snapshot("root", "-n", baseline)["containers"][0]["agent"]
    done = kube.podprobe("snapshot", "user", "-n", baseline, "--profile", "ptrace")
    assert done.returncode == 1
    assert "PodSecurity" in done.stderr
    assert "SYS_PTRACE" in done.stderr
    assert "--profile ptrace" in done.stderr
    assert not kube.agents(baseline, "user")
    # NET_RAW may not be added here, but root has it by the runtime's default.
    kube.snapshot("user", "-n", baseline, "--profile", "netraw", "--passive")
    (agent,) = kube.agents(baseline, "user")
    assert int(_fields(kube, baseline, "user", agent)["CapEff"], 16) & 1 << 13


def test_restricted_refuses_more_and_nothing_is_added(kube: Kube, restricted: str) -> None:
    kube.apply(pods.strict(restricted, kube.images))
    kube.ready(restricted, "s1")
    for profile in ("netraw", "ptrace"):
        done = kube.podprobe("snapshot", "s1", "-n", restricted, "--profile", profile)
        assert done.returncode == 1
        assert "PodSecurity" in done.stderr
    assert not kube.agents(restricted, "s1")
    done = kube.podprobe("doctor", "s1", "-n", restricted)
    assert done.returncode == 0, done.stdout
    assert "restricted, which leaves mirror" in done.stdout


def test_a_pod_older_than_its_namespaces_policy(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    kube.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    done = kube.podprobe("snapshot", "one", "-n", namespace)
    assert done.returncode == 1
    assert "PodSecurity" in done.stderr
    assert "older than its namespace's policy" in done.stderr
    assert not kube.agents(namespace, "one")


def test_a_policy_that_refuses_root(kube: Kube, namespace: str) -> None:
    kube.apply(
        pods.pod("one", namespace, pods.container("a", kube.images["busybox"], "httpd", "-f", "-p", "8080"),
                 pods.sleeper("b", kube.images, securityContext={"runAsUser": 1000, "runAsGroup": 1000})),
        *_policy(namespace, "object.spec.ephemeralContainers.all(c, c.securityContext.runAsUser != 0)"),
    )  # fmt: skip
    kube.ready(namespace, "one")
    try:
        probe = (
            '{"spec":{"ephemeralContainers":[{"name":"x","image":"x","securityContext":{"runAsUser":0}}]}}'
        )
        patch = (
            "patch",
            "pod",
            "one",
            "-n",
            namespace,
            "--subresource=ephemeralcontainers",
            "-p",
            probe,
            "--dry-run=server",
        )
        kube.wait("the policy to take effect", lambda: kube.refuses(*patch))
        seen = kube.snapshot("one", "-n", namespace)
        made = {one["targetContainerName"]: name for name, one in kube.agents(namespace, "one").items()}
        assert made.keys() == {"a", "b"}
        assert int(_fields(kube, namespace, "one", made["a"])["CapEff"], 16) == 0
        assert _fields(kube, namespace, "one", made["b"])["Uid"].split()[0] == "1000"
        (note,) = [note for note in seen["visibility"] if "policy refuses" in note["reason"]]
        assert note["container"] == "a"
        # Less sight, not none.
        assert 8080 in {one["port"] for one in seen["network"]["listeners"]}
        assert all(container["agent"] for container in seen["containers"])
    finally:
        kube.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", namespace)


def _policy(namespace: str, expression: str) -> list[dict[str, Any]]:
    """An admission policy for ephemeral containers, in one namespace."""
    version = "admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["pods/ephemeralcontainers"],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return [
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": namespace},
         "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression}]}},
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": namespace},
         "spec": {"policyName": namespace, "validationActions": ["Deny"],
                  "matchResources": {"namespaceSelector": selector}}},
    ]  # fmt: skip
