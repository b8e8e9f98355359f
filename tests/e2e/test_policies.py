"""NetworkPolicies of a real API server, held against the listeners of a real Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e import pods

if TYPE_CHECKING:
    from tests.e2e.conftest import Kube


def _served(namespace: str, images: dict[str, str]) -> list[dict[str, Any]]:
    """Something on :80, something on :9000, something on loopback, and a Service before the first two."""

    def server(name: str, port: int, *more: str) -> dict[str, Any]:
        command = ("python3", "-m", "http.server", str(port), *more)
        return pods.container(
            name,
            images["python"],
            *command,
            ports=[{"containerPort": port, "name": name}],
            # From within, so that the Pod is ready when all of it listens; no probe comes from outside.
            readinessProbe={
                "exec": {
                    "command": [
                        "python3",
                        "-c",
                        f"import socket; socket.create_connection(('localhost', {port}))",
                    ]
                },
                "periodSeconds": 1,
            },
        )

    ports = [
        {"name": "http", "port": 80, "targetPort": "web"},
        {"name": "debug", "port": 90, "targetPort": 9000},
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"selector": {"app": "shop"}, "ports": ports},
    }
    made = pods.pod(
        "shop",
        namespace,
        server("web", 80),
        server("debug", 9000),
        server("inner", 5000, "--bind", "127.0.0.1"),
        labels={"app": "shop"},
    )
    return [made, service]


def _policy(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def test_one_port_open_and_one_closed(kube: Kube, namespace: str) -> None:
    kube.apply(*_served(namespace, kube.images))
    kube.ready(namespace, "shop")
    seen = kube.snapshot("shop", "-n", namespace)
    assert seen["network_policies"] == []
    assert seen["reach"] == []
    assert "SVC103" not in {one["code"] for one in seen["findings"]}
    assert "network_policies" not in {note["area"] for note in seen["visibility"]}

    mine = {"matchLabels": {"app": "shop"}}
    kube.apply(
        _policy(namespace, "web-only", podSelector=mine, ingress=[{"ports": [{"port": "web"}]}]),
        _policy(namespace, "others", podSelector={"matchLabels": {"app": "other"}}),
    )
    seen = kube.snapshot("shop", "-n", namespace)
    assert [one["name"] for one in seen["network_policies"]] == ["web-only"]
    reach = {one["port"]: (one["container"], one["allowed"], one["policies"]) for one in seen["reach"]}
    assert reach == {80: ("web", "all", ["web-only"]), 9000: ("debug", "none", ["web-only"])}
    (found,) = [one for one in seen["findings"] if one["code"] == "SVC103"]
    assert found["containers"] == ["debug"]
    assert "NetworkPolicy web-only restricts ingress: anyone at web (80)." in found["evidence"]
    assert "Service shop sends port 90 to :9000, which is closed to everybody." in found["evidence"]
    assert "✖ nobody" in kube.podprobe("snapshot", "shop", "-n", namespace, "-o", "table").stdout

    # Another policy opens the port to some: policies add up.
    friends = {"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}], "ports": [{"port": 9000}]}
    kube.apply(_policy(namespace, "friends", podSelector=mine, ingress=[friends]))
    seen = kube.snapshot("shop", "-n", namespace)
    reach = {one["port"]: (one["allowed"], one["sources"]) for one in seen["reach"]}
    assert reach == {80: ("all", []), 9000: ("some", ["Pods of this namespace with app=friend"])}


def test_without_permission_the_rest_is_seen(kube: Kube, namespace: str) -> None:
    kube.apply(*_served(namespace, kube.images))
    kube.ready(namespace, "shop")
    user = f"half-{namespace}"
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"]},
    ]
    group = "rbac.authorization.k8s.io"
    kube.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": "half", "namespace": namespace},
            "rules": rules,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "half", "namespace": namespace},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "half"},
            "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
        },
    )
    seen = kube.snapshot("shop", "-n", namespace, "--as", user)
    assert {80, 9000, 5000} <= {one["port"] for one in seen["network"]["listeners"]}
    (note,) = [note for note in seen["visibility"] if note["area"] == "network_policies"]
    assert (note["level"], note["allow"]) == ("none", "permission to list networkpolicies.networking.k8s.io")
