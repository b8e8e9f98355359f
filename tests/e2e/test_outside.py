"""The Pod's outside on a real cluster: every kind of Service, probes tried and failed, the order of starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e import pods

if TYPE_CHECKING:
    from tests.e2e.conftest import Kube

_SERVE_LATE = "import time, http.server as h; time.sleep(2); h.test(h.SimpleHTTPRequestHandler, port=7000)"
_SERVE_IPV6_ONLY = """
import socket, time
six = socket.create_server(("::", 6000), family=socket.AF_INET6, dualstack_ipv6=False)
time.sleep(1e6)
"""
_SERVE_SLOWLY = """
import time, http.server as h
class Slow(h.SimpleHTTPRequestHandler):
    def do_GET(self):
        time.sleep(3); self.send_error(404)
h.ThreadingHTTPServer(("", 9000), Slow).serve_forever()
"""


def _service(namespace: str, name: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "shop"}, "ports": list(ports), **spec},
    }


def _objects(namespace: str, images: dict[str, str]) -> list[dict[str, Any]]:
    python = images["python"]

    def get(path: str, port: int | str, **more: Any) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, **more}

    made = pods.pod(
        "shop",
        namespace,
        pods.container(
            "web", python, "python3", "-m", "http.server", "8080",
            ports=[{"name": "http", "containerPort": 8080}],
            readinessProbe=get("/", "http", timeoutSeconds=5),
            livenessProbe={"exec": {"command": ["true"]}},
        ),
        pods.container("slow", python, "python3", "-c", _SERVE_SLOWLY, readinessProbe=get("/slow", 9000)),
        pods.container("six", python, "python3", "-c", _SERVE_IPV6_ONLY),
        pods.sleeper("lost", images, readinessProbe=get("/healthz?token=abcdef0123456789abcdef", 7777)),
        labels={"app": "shop"},
        initContainers=[
            pods.container("migrate", images["busybox"], "sh", "-c", "sleep 2"),
            pods.container(
                "proxy", python, "python3", "-c", _SERVE_LATE, restartPolicy="Always",
                startupProbe={"tcpSocket": {"port": 7000}, "periodSeconds": 1, "failureThreshold": 60},
            ),
        ],
    )  # fmt: skip
    return [
        _service(namespace, "shop", {"name": "http", "port": 80, "targetPort": "http"}),
        _service(namespace, "wrong", {"port": 81, "targetPort": 4444}),
        _service(namespace, "peers", {"port": 8080}, clusterIP="None", publishNotReadyAddresses=True),
        _service(namespace, "node", {"port": 80, "targetPort": "http"}, type="NodePort"),
        _service(namespace, "alias", {"port": 443}, type="ExternalName", externalName="shop.example.com"),
        _service(namespace, "aside", {"port": 80, "targetPort": "http"}, clusterIP="None"),
        _service(namespace, "six", {"port": 6000}),
        _service(namespace, "unnamed", {"port": 80, "targetPort": "none"}),
        _service(namespace, "byhand", {"name": "http", "port": 80, "targetPort": 4444}, selector=None),
        made,
    ]


def _by_hand(namespace: str, pod: dict[str, Any]) -> dict[str, Any]:
    """An EndpointSlice that nobody but its author keeps, for a Service without a selector."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "byhand-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": "byhand"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [pod["status"]["podIP"]],
                "targetRef": {
                    "kind": "Pod",
                    "name": "shop",
                    "namespace": namespace,
                    "uid": pod["metadata"]["uid"],
                },
            }
        ],
    }


def test_the_outside_of_a_pod(kube: Kube, namespace: str) -> None:
    kube.apply(*_objects(namespace, kube.images))

    kube.wait("the Pod's address", lambda: kube.get("pod", "shop", "-n", namespace)["status"].get("podIP"))
    kube.apply(_by_hand(namespace, kube.get("pod", "shop", "-n", namespace)))

    def failing() -> bool:
        events = kube.get("events", "-n", namespace, "--field-selector", "reason=Unhealthy")["items"]
        about = {event["involvedObject"]["fieldPath"] for event in events}
        return {"spec.containers{lost}", "spec.containers{slow}", "spec.initContainers{proxy}"} <= about

    kube.wait("failures of the probes", failing, 120)

    def judged() -> dict[str, Any] | None:
        # Ports have ten seconds from their container's start to be opened before they are missed.
        seen = kube.snapshot("shop", "-n", namespace, "--try-probes")
        return seen if {"SVC101", "NET105", "NET113"} <= {one["code"] for one in seen["findings"]} else None

    seen = kube.wait("SVC101, NET105 and NET113", judged, 120)
    _services(seen)
    _probes(seen)
    _starts(seen)
    assert "abcdef0123456789" not in str(seen), "what looks like a secret does not travel"


def _services(seen: dict[str, Any]) -> None:
    services = {one["name"]: one for one in seen["services"]}
    assert {name: one["type"] for name, one in services.items()} == {
        "shop": "ClusterIP", "wrong": "ClusterIP", "peers": "ClusterIP", "node": "NodePort", "alias": "ExternalName",
        "aside": "ClusterIP", "six": "ClusterIP", "unnamed": "ClusterIP", "byhand": "ClusterIP",
    }  # fmt: skip
    ends = {
        name: [(port["target_port"], port["listener"]) for port in one["ports"]]
        for name, one in services.items()
    }
    assert ends == {
        "shop": [(8080, "ok")], "wrong": [(4444, "missing")], "peers": [(8080, "ok")], "node": [(8080, "ok")],
        "alias": [(None, "unknown")], "aside": [(8080, "srv-only")], "six": [(6000, "other-address")],
        "unnamed": [(None, "unresolved")], "byhand": [(8080, "ok")],
    }  # fmt: skip
    # No probe of `lost` succeeds. Who publishes Pods that are not ready, or keeps a slice by hand, sends on.
    assert {name: one["ready"] for name, one in services.items()} == {
        "shop": False, "wrong": False, "peers": True, "node": False, "alias": None, "aside": False, "six": False,
        "unnamed": False, "byhand": True,
    }  # fmt: skip
    assert services["alias"]["external_name"] == "shop.example.com"
    subjects = {(one["code"], one["severity"], one["subject"]) for one in seen["findings"]}
    assert {
        ("SVC101", "critical", "Service six port 6000"), ("SVC101", "warning", "Service aside port 80"),
    } < subjects  # fmt: skip
    assert not [subject for _, _, subject in subjects if "alias" in subject]
    assert services["peers"]["cluster_ip"] == "None"
    assert services["node"]["ports"][0]["node_port"] >= 30000
    assert services["shop"]["ports"][0]["target_port_name"] == "http"
    assert ("SVC101", "Service wrong port 81") in {(one["code"], one["subject"]) for one in seen["findings"]}


def _probes(seen: dict[str, Any]) -> None:
    probes = {(one["name"], probe["role"]): probe for one in seen["containers"] for probe in one["probes"]}
    tried = {key: (probe["tried"]["outcome"], probe["tried"]["status"]) for key, probe in probes.items()}
    assert tried == {
        ("web", "readiness"): ("ok", 200),
        ("web", "liveness"): ("not-tried", None),
        ("slow", "readiness"): ("timeout", None),
        ("lost", "readiness"): ("refused", None),
        ("proxy", "startup"): ("ok", None),
    }
    assert "exec probes are not run" in probes["web", "liveness"]["tried"]["detail"]
    assert probes["slow", "readiness"]["tried"]["time_us"] == 1_000_000
    failures = {key: probe["failures"]["count"] for key, probe in probes.items()}
    assert failures["web", "liveness"] == 0
    assert (
        min(failures[key] for key in (("slow", "readiness"), ("lost", "readiness"), ("proxy", "startup")))
        >= 1
    )
    assert probes["lost", "readiness"]["failures"]["last_at"]
    (finding,) = [one for one in seen["findings"] if one["code"] == "NET105"]
    assert finding["subject"] == "lost readiness probe"
    assert "It has failed" in finding["evidence"][1]
    assert "connection refused" in finding["evidence"][1]
    failing = {one["subject"]: one for one in seen["findings"] if one["code"] == "NET113"}
    assert set(failing) == {"slow readiness probe"}, (
        "of the one that asks a port without listener, NET105 says why"
    )
    assert "deadline exceeded" in failing["slow readiness probe"]["evidence"][1]
    assert "shop" in failing["slow readiness probe"]["evidence"][-1]
    assert "leave the Pod out" in failing["slow readiness probe"]["evidence"][-1]
    assert finding["evidence"][2].startswith("Tried from inside the Pod at http://")


def _starts(seen: dict[str, Any]) -> None:
    starts = {one["container"]: one for one in seen["starts"]}
    assert list(starts) == ["migrate", "proxy", "web", "slow", "six", "lost"]
    assert starts["migrate"]["after_ms"] == 0
    assert starts["migrate"]["lasted_ms"] >= 1000
    assert [(one["container"], one["until"]) for one in starts["web"]["waited_for"]] == [
        ("migrate", "ended"),
        ("proxy", "startup-probe"),
    ]
    assert starts["migrate"]["lasted_ms"] <= starts["proxy"]["after_ms"] + 1000
    # The sidecar listens two seconds after its start, and the others are not started before that is seen.
    assert starts["web"]["after_ms"] - starts["proxy"]["after_ms"] >= 2000


def test_without_leave_to_read_events_it_is_a_word(kube: Kube, namespace: str) -> None:
    kube.apply(
        pods.pod(
            "one", namespace, pods.sleeper("web", kube.images, readinessProbe={"exec": {"command": ["true"]}})
        )
    )
    kube.ready(namespace, "one")
    rules = [
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"]},
    ]
    metadata = {"name": "blind", "namespace": namespace}
    kube.apply(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "blind"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "blind"}],
        },
    )  # fmt: skip
    seen = kube.snapshot("one", "-n", namespace, "--as", "blind")
    (probe,) = seen["containers"][0]["probes"]
    assert probe["failures"] is None
    (note,) = [one for one in seen["visibility"] if one["area"] == "probes"]
    assert note["allow"] == "permission to list events"
