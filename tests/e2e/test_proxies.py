"""Requests through real proxies, and a real redirection to one, in Pods of a real cluster."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods, proxy_pods
from tests.support import envoy

if TYPE_CHECKING:
    from tests.e2e.conftest import Kube


def _address(kube: Kube, namespace: str, pod: str) -> str:
    address: str = kube.get("pod", pod, "-n", namespace)["status"]["podIP"]
    return address


def _ends(path: dict[str, Any]) -> list[tuple[str | None, str | None, str]]:
    return [(leg["from_container"], leg["to_container"], leg["to"]) for leg in path["legs"]]


def _ask(kube: Kube, namespace: str, url: str, times: int) -> None:
    assert urllib.parse.urlsplit(url).scheme == "http"
    program = (
        "import sys, urllib.error, urllib.request\n"
        f"for _ in range({times}):\n"
        "    try: urllib.request.urlopen(sys.argv[1], timeout=5).read()\n"
        "    except urllib.error.HTTPError: pass\n"
    )
    kube.kubectl("exec", "-n", namespace, "caller", "--", "python3", "-c", program, url)


def test_requests_are_followed_through_each_proxy_to_the_application(kube: Kube, namespace: str) -> None:
    with_envoy = "envoy" in kube.images
    kube.apply(*proxy_pods.proxied(namespace, kube.images, envoy=with_envoy))
    kube.ready(namespace, "proxied")
    address = _address(kube, namespace, "proxied")
    ports = [80, 8080, 9000, *([10000] if with_envoy else [])]
    kube.apply(proxy_pods.caller(namespace, kube.images, *(f"{address}:{port}" for port in ports)))
    kube.ready(namespace, "caller")

    seen = kube.snapshot("proxied", "-n", namespace)
    found = {path["services"][0]: path for path in seen["paths"]}
    wanted = {
        "web:81": ("nginx", f"{address}:80", "/run/shared/app.sock"),
        "web:8081": ("haproxy", f"{address}:8080", "127.0.0.1:5000"),
        "web:9001": ("socat", f"{address}:9000", "127.0.0.1:5000"),
        **({"web:10001": ("envoy", f"{address}:10000", "127.0.0.1:5000")} if with_envoy else {}),
    }
    assert {service: _ends(path) for service, path in found.items()} == {
        service: [(None, proxy, front), (proxy, "app", back)]
        for service, (proxy, front, back) in wanted.items()
    }
    for service, path in found.items():
        assert path["certain"], service
        assert path["price"]["memory_bytes"] > 0
        for leg in path["legs"]:
            assert leg["connections"] >= 1, service
            assert leg["kind"] == "unix" or (leg["rtt_us"] > 0 and leg["segments_out"] > 0), service
    # What came in went on: an HTTP proxy changes headers, a relay nothing.
    outer, inner = found["web:9001"]["legs"]
    assert (outer["bytes_sent"], outer["bytes_received"]) == (inner["bytes_sent"], inner["bytes_received"])
    roles = {one["name"]: one["role"] for one in seen["containers"]}
    assert roles == {
        "app": None,
        **dict.fromkeys((proxy for proxy, _, _ in wanted.values()), "reverse-proxy"),
    }
    assert seen["mesh"] is None
    for form in ("table", "markdown", "html"):
        assert (
            "Paths through proxies"
            in kube.podprobe("snapshot", "proxied", "-n", namespace, "-o", form).stdout
        )


def _behind_envoy(kube: Kube, namespace: str) -> str:
    """The application behind an Envoy, and a caller of it; the Envoy's address."""
    if "envoy" not in kube.images:
        pytest.skip(envoy.MISSING)
    kube.apply(*proxy_pods.proxied(namespace, kube.images, envoy=True))
    kube.ready(namespace, "proxied")
    address = _address(kube, namespace, "proxied") + ":10000"
    kube.apply(proxy_pods.caller(namespace, kube.images, address))
    kube.ready(namespace, "caller")
    return address


def test_an_envoy_is_asked_for_its_upstreams_and_never_with_passive(kube: Kube, namespace: str) -> None:
    address = _behind_envoy(kube, namespace)
    _ask(kube, namespace, f"http://{address}/nobody", 4)

    def told(*arguments: str) -> dict[str, Any]:
        seen = kube.snapshot("proxied", "-n", namespace, *arguments)
        (one,) = (proxy for proxy in seen["proxies"] if proxy["program"] == "envoy")
        return {**one, "findings": {(each["code"], each["subject"]) for each in seen["findings"]}}

    found = told()
    assert found["admin"]["state"] == "LIVE"
    upstreams = {one["name"]: one for one in found["admin"]["upstreams"]}
    assert upstreams["nobody"]["connect_failures"] == 4
    assert upstreams["app"]["connect_failures"] == 0
    assert upstreams["app"]["requests"] > 0
    assert upstreams["ill"]["healthy_hosts"] == 0
    assert {("SVC108", "envoy upstream ill"), ("SVC109", "envoy upstream nobody")} <= found["findings"]
    assert told("--passive")["admin"] is None


_MANY_AT_ONCE = """
import sys, threading, time, urllib.error, urllib.request
def ask():
    while time.monotonic() < end:
        try: urllib.request.urlopen(sys.argv[1], timeout=20).read()
        except urllib.error.HTTPError: time.sleep(0.2)
end = time.monotonic() + float(sys.argv[3])
for _ in range(int(sys.argv[2])): threading.Thread(target=ask).start()
"""


def test_requests_that_wait_in_an_envoy_and_those_it_refuses(kube: Kube, namespace: str) -> None:
    address = _behind_envoy(kube, namespace)

    def watched(looks: int) -> list[dict[str, Any]]:
        done = kube.podprobe("watch", "proxied", "-n", namespace, "-i", "1s", "--count", str(looks))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert "SVC110" not in {one["code"] for look in watched(3) for one in look["findings"]}
    # One is answered, as many wait as may, and the rest come again and again.
    callers, seconds = proxy_pods.NARROW_PENDING + 3, 30
    url = f"http://{address}/narrow"
    with subprocess.Popen(
        ["kubectl", "exec", "-n", namespace, "caller", "--", "python3", "-c", _MANY_AT_ONCE, url, str(callers),
         str(seconds)], env=kube.environment,
    ) as asking:  # fmt: skip
        looks = watched(14)  # the proxy is asked every five seconds
        asking.terminate()
    (found,) = [one for one in looks[-1]["findings"] if one["code"] == "SVC110"]
    assert (found["subject"], found["severity"]) == ("envoy upstream narrow", "warning")
    waiting, refused, *_ = found["evidence"]
    assert f"{proxy_pods.NARROW_PENDING} requests wait in envoy for a connection to narrow" in waiting
    assert "it has 1 connection." in waiting
    assert refused.startswith("envoy refused ")


def test_a_redirection_is_seen_with_both_its_ends_and_what_passes_by(kube: Kube, namespace: str) -> None:
    if "envoy" not in kube.images:
        pytest.skip(envoy.MISSING)
    kube.apply(proxy_pods.server(namespace, kube.images))
    kube.ready(namespace, "server")
    other = _address(kube, namespace, "server")
    kube.apply(*proxy_pods.meshed(namespace, kube.images, other))
    kube.ready(namespace, "meshed")
    address = _address(kube, namespace, "meshed")
    kube.apply(proxy_pods.caller(namespace, kube.images, f"{address}:8080", f"{address}:9000"))
    kube.ready(namespace, "caller")

    seen = kube.snapshot("meshed", "-n", namespace)
    mesh = seen["mesh"]
    assert (mesh["name"], mesh["container"]) == ("istio", "istio-proxy")
    assert mesh["interception"]["by"] == "init-container"
    assert (mesh["interception"]["inbound_port"], mesh["interception"]["outbound_port"]) == (15006, 15001)
    assert (mesh["through_inbound"], mesh["through_outbound"]) == (1, 1)
    assert {(one["container"], one["endpoint"], one["reason"]) for one in mesh["bypass"]} == {
        ("caller", f"{other}:9999", "port 9999 is left out"),
        ("plain", f"{address}:9000", "port 9000 is left out"),
    }
    incoming, outgoing = seen["paths"]
    assert incoming["services"] == ["meshed:80"]
    assert _ends(incoming) == [
        (None, "istio-proxy", f"{address}:15006"),
        ("istio-proxy", "app", f"{address}:8080"),
    ]
    assert _ends(outgoing) == [
        ("caller", "istio-proxy", "127.0.0.1:15001"),
        ("istio-proxy", None, f"{other}:7777"),
    ]
    assert outgoing["legs"][0]["original"] == f"{other}:7777"
    assert {one["name"]: one["role"] for one in seen["containers"]}["istio-proxy"] == "mesh-proxy"
    assert [one["subject"] for one in seen["findings"] if one["code"] == "SVC104"] == ["istio-proxy"]
    assert [one["level"] for one in seen["visibility"] if one["area"] == "interception"] == ["partial"]
    # Annotations that are none of a mesh's are not read.
    assert "not read" not in str(seen["target"])
    # podprobe itself sent nothing to where the redirected arrive: Envoy would have connected to itself.
    assert not [one for one in seen["latency"] if one["to"].endswith((":15001", ":15006"))]
    assert {one["name"] for one in seen["proxies"][0]["admin"]["upstreams"]} >= {"PassthroughCluster"}


def test_roles_of_real_programs(kube: Kube, namespace: str) -> None:
    kube.apply(pods.real_configuration(namespace), pods.real_programs(namespace, kube.images))
    kube.ready(namespace, "real")
    seen = kube.snapshot("real", "-n", namespace)
    roles = {one["name"]: one["role"] for one in seen["containers"] if one["kind"] == "app"}
    assert roles["redis"] == "cache"
    assert roles["nginx"] == "reverse-proxy"
    assert roles["postgres"] is None
    assert roles["client"] is None
