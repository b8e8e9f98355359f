"""What an Envoy's answers mean, from answers that a real one gave; and where it is asked."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from podprobe.agents.answers import AdminPiece
from podprobe.analysis.proxies.admin import admin, places
from podprobe.findings import evaluate
from podprobe.model import DeclaredPort, Finding, Proxy, ProxyAdmin, Snapshot, Upstream
from tests.support.samples import healthy_pod
from tests.unit.analysis.proxies.recorded import envoys, judged, recorded


def _said(**changed: str | None) -> ProxyAdmin:
    told = {**envoys(), **changed}
    pieces = {
        name: AdminPiece(piece=name, text=text, error=None if text else "its answer is larger than 768 KiB")  # type: ignore[arg-type]
        for name, text in told.items()
    }
    return admin("127.0.0.1:9901", pieces)


def _named(found: ProxyAdmin) -> dict[str, Upstream]:
    return {each.name: each for each in found.upstreams}


def test_what_a_real_envoy_said() -> None:
    found = _said()
    assert (found.version, found.state, found.error) == ("1.40.0", "LIVE", None)
    by_name = _named(found)
    assert by_name["ill"].healthy_hosts == 0
    assert by_name["ill"].unhealthy == ("127.0.0.1:8: failed its health check",)
    assert by_name["nobody"].connect_failures == 5
    app = by_name["app"]
    assert app.requests is not None
    assert app.requests > 100
    assert (app.connections, app.failed_requests, app.pending_requests) == (2, 0, 0)
    assert app.request_p50_ms is not None
    assert app.request_p99_ms is not None
    assert found.downstream_p99_ms is not None
    assert app.request_p50_ms <= app.request_p99_ms


def test_without_the_list_of_clusters_the_statistics_tell() -> None:
    found = _said(clusters=None)
    assert found.error == "clusters: its answer is larger than 768 KiB"
    assert {name: (each.hosts, each.healthy_hosts) for name, each in _named(found).items()} == {
        "app": (1, 1), "nobody": (1, 1), "ill": (1, 0),
    }  # fmt: skip
    assert _named(found)["nobody"].connect_failures == 5


def test_without_statistics_the_hosts_tell() -> None:
    found = _said(stats=None)
    assert _named(found)["nobody"].connect_failures == 5
    assert _named(found)["app"].requests == _named(_said())["app"].requests
    assert _named(found)["app"].request_p50_ms is None


def test_names_as_a_mesh_makes_them() -> None:
    """Statistics have `_` for `:`, and the name under which a cluster is to be observed."""
    clusters = {"cluster_statuses": [
        {"name": "outbound|80||shop:web", "host_statuses": [{}]},
        {"name": "x", "observability_name": "y"},
    ]}  # fmt: skip
    stats = {"stats": [
        {"name": "cluster.outbound|80||shop_web.upstream_rq_total", "value": 7},
        {"name": "cluster.y.upstream_cx_connect_fail", "value": 3},
    ]}  # fmt: skip
    found = _named(_said(clusters=json.dumps(clusters), stats=json.dumps(stats)))
    assert found["outbound|80||shop:web"].requests == 7
    assert found["x"].connect_failures == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"failed_outlier_check": True}, "ejected as an outlier"),
        ({"eds_health_status": "DRAINING"}, "draining, says discovery"),
        (
            {"failed_active_health_check": True, "pending_active_hc": True},
            "failed its health check, not yet checked",
        ),
    ],
)
def test_how_hosts_are_unhealthy(status: dict[str, Any], words: str) -> None:
    host = {"address": {"pipe": {"path": "/run/app.sock"}}, "health_status": status}
    clusters = {"cluster_statuses": [{"name": "x", "host_statuses": [host]}]}
    assert _named(_said(clusters=json.dumps(clusters)))["x"].unhealthy == (f"/run/app.sock: {words}",)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(["server_info", "clusters", "stats"]))
def test_no_answer_however_odd_raises(seed: int, name: str) -> None:
    random = Random(seed)
    found = _said(**{name: json.dumps(_odd(json.loads(envoys()[name]), random))})
    assert found.address
    assert isinstance(_said(**{name: envoys()[name][: random.randrange(2000)]}), ProxyAdmin)


def _odd(part: Any, random: Random) -> Any:
    """The same with some parts, at any depth, something else."""
    if random.random() < 0.02:
        return random.choice([None, -1, 1e400, 2**70, "", "\x00", [], {}, True, "9" * 5000, [[]] * 3])
    if isinstance(part, dict):
        return {key: _odd(value, random) for key, value in part.items()}
    return [_odd(each, random) for each in part] if isinstance(part, list) else part


# --- where ----------------------------------------------------------------------------------------------------------


def test_only_ports_that_are_known_for_it_are_asked() -> None:
    assert places(recorded("proxied"), judged(recorded("proxied")).proxies) == {"envoy": "127.0.0.1:9901"}
    assert places(recorded("meshed"), judged(recorded("meshed")).proxies) == {
        "istio-proxy": "127.0.0.1:15000"
    }
    assert places(healthy_pod(), judged(healthy_pod()).proxies) == {}


def test_a_port_that_is_declared_as_such_comes_first_and_others_are_left_alone() -> None:
    pod = recorded("proxied")

    def at(
        *declared: DeclaredPort, port: int = 9902, address: str = "127.0.0.1", owner: str = "envoy"
    ) -> dict[str, str]:
        listeners = tuple(
            replace(each, port=port, address=address,
                    owner=replace(each.owner, process=replace(each.owner.process, name=owner)))  # type: ignore[type-var]
            if each.port == 9901 else each
            for each in pod.network.listeners
        )  # fmt: skip
        containers = tuple(
            replace(each, ports=declared) if each.name == "envoy" else each for each in pod.containers
        )
        changed = replace(pod, containers=containers, network=replace(pod.network, listeners=listeners))
        return places(changed, (Proxy(container="envoy", program="envoy", process="envoy"),))

    assert at() == {}
    assert at(DeclaredPort(name="envoy-admin", port=9902)) == {"envoy": "127.0.0.1:9902"}
    assert at(port=19000, address="0.0.0.0") == {"envoy": "127.0.0.1:19000"}
    assert at(port=19000, address="::1") == {"envoy": "[::1]:19000"}
    assert at(port=9901, address="10.78.0.131") == {}, "from outside loopback nobody is asked"
    assert at(port=9901, owner="python3") == {}, "that is somebody else's"


# --- findings -------------------------------------------------------------------------------------------------------


def _pod(*upstreams: Upstream, at: str = "2026-03-01T03:12:00Z", uptime: int | None = None) -> Snapshot:
    told = ProxyAdmin(address="127.0.0.1:9901", upstreams=upstreams, uptime_seconds=uptime)
    proxy = Proxy(container="envoy", program="envoy", admin=told)
    return replace(healthy_pod(), proxies=(proxy,), taken_at=at)


def _found(pod: Snapshot, *history: Snapshot) -> dict[str, Finding]:
    return {each.code: each for each in evaluate(pod, history) if each.code in {"SVC108", "SVC109", "SVC110"}}


FINE = Upstream(name="app", hosts=2, healthy_hosts=2, connections=4, connect_failures=2, requests=900,
                failed_requests=0, pending_requests=0, pending_overflow=5)  # fmt: skip
BEFORE = "2026-03-01T03:11:48Z"


def test_all_is_well() -> None:
    assert _found(_pod(FINE)) == {}
    assert _found(_pod(FINE), _pod(FINE, at=BEFORE), _pod(FINE)) == {}
    assert _found(_pod(replace(FINE, healthy_hosts=1))) == {}
    assert _found(_pod(Upstream(name="empty", hosts=0, healthy_hosts=0))) == {}


def test_no_healthy_host() -> None:
    ill = replace(FINE, healthy_hosts=0, unhealthy=("10.0.0.9:80: failed its health check",))
    found = _found(_pod(ill))["SVC108"]
    assert found.severity == "critical"
    assert "10.0.0.9:80: failed its health check." in found.evidence
    assert _found(_pod(replace(ill, requests=0)))["SVC108"].severity == "warning"


def test_connections_that_fail() -> None:
    failing = replace(FINE, connect_failures=9)
    found = _found(_pod(failing), _pod(FINE, at=BEFORE), _pod(failing))["SVC109"]
    assert found.evidence[0] == "envoy failed 7 times to connect to app in the last 12 s."
    assert "SVC109" not in _found(_pod(failing)), "long ago, and it has connections"
    assert "since its start" in _found(_pod(replace(failing, connections=0)))["SVC109"].evidence[0]


def test_requests_that_wait_or_are_refused() -> None:
    waiting = replace(FINE, pending_requests=30)
    assert "SVC110" not in _found(_pod(waiting), _pod(waiting))
    found = _found(_pod(waiting), _pod(waiting, at=BEFORE), _pod(waiting))["SVC110"]
    assert "30 requests wait in envoy" in found.evidence[0]
    # One answer in several looks is one answer.
    asked_once = (_pod(waiting, uptime=60), _pod(waiting, at=BEFORE, uptime=60), _pod(waiting, uptime=60))
    assert "SVC110" not in _found(*asked_once)
    again = (_pod(waiting, uptime=70), _pod(FINE, uptime=55), *asked_once[1:], _pod(waiting, uptime=65))
    assert "SVC110" in _found(*again)
    assert "SVC110" not in _found(*again, _pod(FINE, uptime=68))
    # Two of them in one container, started in the same second.
    other = replace(waiting, name="other")
    twins = (*_pod(waiting, uptime=60).proxies, *_pod(other, uptime=60).proxies)
    assert "SVC110" not in _found(replace(_pod(FINE), proxies=twins))
    refused = _found(_pod(replace(FINE, pending_overflow=8)), _pod(FINE, at=BEFORE))["SVC110"]
    assert refused.evidence[0] == "envoy refused 3 requests for app in the last 12 s."
