"""Service meshes: recognised, what they intercept, and what passes them by."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.analysis.probing import plan
from podprobe.analysis.proxies.mesh import mesh
from podprobe.analysis.proxies.told import is_excluded
from podprobe.findings import evaluate
from podprobe.model import Container, Listener, Mesh, Process, Processes, Snapshot
from tests.support.changes import codes, only
from tests.support.samples import flow, healthy_pod
from tests.unit.analysis.proxies.recorded import judged, recorded


def test_a_real_interception_is_told_in_full() -> None:
    found = mesh(recorded("meshed"))
    assert found is not None
    assert (found.name, found.container) == ("istio", "istio-proxy")
    rules = found.interception
    assert (rules.inbound_port, rules.outbound_port, rules.proxy_uid, rules.by) == (
        15006,
        15001,
        1337,
        "init-container",
    )
    assert rules.excluded_inbound_ports == ("9000", "15090", "15021", "15020")
    assert rules.excluded_outbound_ports == ("9999",)
    assert (found.through_inbound, found.through_outbound) == (1, 1)
    assert {(each.direction, each.container, each.reason) for each in found.bypass} == {
        ("outbound", "caller", "port 9999 is left out"),
        ("inbound", "plain", "port 9000 is left out"),
    }


def test_what_is_redirected_is_one_connection_with_both_its_ends() -> None:
    (found,) = (each for each in recorded("meshed").network.flows if each.original)
    assert (found.from_container, found.to_container) == ("caller", "istio-proxy")
    assert (found.server, found.original) == ("127.0.0.1:15001", "10.78.0.128:7777")
    assert found.connections == 1
    assert found.scope == "pod"


def test_the_finding_says_what_passes_by_and_blames_no_port_of_the_mesh() -> None:
    snapshot = judged(recorded("meshed"))
    found = only("SVC104", snapshot)
    assert found.subject == "istio-proxy"
    assert (
        "1 connection from outside to plain (10.78.0.132:9000) does not pass istio-proxy: port 9000 is left out."
        in found.evidence
    )
    subjects = {each.subject for each in evaluate(snapshot) if each.code in {"NET103", "NET104"}}
    assert subjects == {"plain tcp port 9000"}


def test_rules_that_cannot_be_read_are_said_to_be_unread() -> None:
    once = judged(recorded("meshed"))
    assert [each.area for each in once.visibility] == ["interception"]
    assert judged(once) == once, "what follows already is told anew, and not twice"
    assert judged(recorded("proxied")).visibility == ()


def test_nobody_probes_where_connections_are_redirected_to() -> None:
    plans, _ = plan(recorded("meshed"), frozenset({"app", "istio-proxy"}))
    assert {each.to for each in plans} == {"127.0.0.1:8080", "127.0.0.1:9000", "127.0.0.1:15000"}


def test_without_a_mesh_there_is_none() -> None:
    assert mesh(healthy_pod()) is None
    assert mesh(recorded("proxied")) is None, "Envoy alone makes no mesh"
    assert "SVC104" not in codes(judged(recorded("proxied")))


def _with(
    pod: Snapshot, name: str, *processes: str, image: str = "", ports: tuple[int, ...] = ()
) -> Snapshot:
    top = tuple(
        Process(pid=number, parent=0, name=process, state="sleeping")
        for number, process in enumerate(processes, 1)
    )
    made = Container(
        name=name, kind="sidecar", state="running", image=image,
        processes=Processes(count=len(top), zombies=0, threads=1, top=top),
    )  # fmt: skip
    listeners = tuple(
        Listener(protocol="tcp", address="0.0.0.0", port=port, container=name) for port in ports
    )
    network = replace(pod.network, listeners=(*pod.network.listeners, *listeners))
    return replace(pod, containers=(*pod.containers, made), network=network)


def _name(pod: Snapshot) -> str | None:
    found = mesh(pod)
    return found.name if found else None


@pytest.mark.parametrize(
    ("pod", "name"),
    [
        (_with(healthy_pod(), "x", image="docker.io/istio/proxyv2:1.29-distroless"), "istio"),
        (_with(healthy_pod(), "x", image="cr.l5d.io/linkerd/proxy:edge-26.1"), "linkerd"),
        (_with(healthy_pod(), "x", image="hashicorp/consul-dataplane:1.9"), "consul"),
        (_with(healthy_pod(), "x", image="docker.io/kumahq/kuma-dp:2.11"), "kuma"),
        (_with(healthy_pod(), "x", "pilot-agent", "envoy"), "istio"),
        (_with(healthy_pod(), "x", "linkerd2-proxy"), "linkerd"),
        (_with(healthy_pod(), "x", "consul-dataplan"), "consul"),  # as the kernel cuts it
        (_with(healthy_pod(), "x", ports=(4140, 4143, 4191)), "linkerd"),
        (_with(healthy_pod(), "istio-proxy", "envoy"), "istio"),
        (_with(healthy_pod(), "istio-proxy", "python3"), None),
        (_with(healthy_pod(), "x", "envoy"), None),
        (_with(healthy_pod(), "x", ports=(15001,)), None),
    ],
)
def test_by_image_process_name_and_ports(pod: Snapshot, name: str | None) -> None:
    assert _name(pod) == name


def test_an_ambient_mesh_is_told_by_a_listener_that_is_nobodys() -> None:
    pod = healthy_pod()
    foreign = Listener(protocol="tcp", address="::", port=15008)
    there = replace(pod, network=replace(pod.network, listeners=(*pod.network.listeners, foreign)))
    found = mesh(there)
    assert found is not None
    assert (found.name, found.container) == ("istio-ambient", None)
    assert only("SVC104", judged(there)).subject == "Pod"
    own = (*pod.network.listeners, replace(foreign, container="webapp"))
    assert mesh(replace(pod, network=replace(pod.network, listeners=own))) is None
    assert mesh(replace(there, target=replace(pod.target, host_network=True))) is None


@pytest.mark.parametrize(
    "told",
    [
        {"labels": {"istio.io/dataplane-mode": "ambient"}},
        {"annotations": {"ambient.istio.io/redirection": "enabled"}},
    ],
)
def test_an_ambient_mesh_is_told_by_what_the_pod_bears(told: dict[str, dict[str, str]]) -> None:
    pod = healthy_pod()
    assert _name(replace(pod, target=replace(pod.target, **told))) == "istio-ambient"  # type: ignore[arg-type]


def _rules(pod: Snapshot) -> Mesh:
    found = mesh(pod)
    assert found is not None
    return found


def test_linkerds_arguments() -> None:
    init = Container(
        name="linkerd-init", kind="init", state="terminated",
        command=("--incoming-proxy-port", "4143", "--outgoing-proxy-port=4140", "--proxy-uid", "2102",
                 "--inbound-ports-to-ignore", "4190,4191,4567-4568", "--outbound-ports-to-ignore", "4567"),
    )  # fmt: skip
    pod = _with(healthy_pod(), "linkerd-proxy", "linkerd2-proxy")
    rules = _rules(replace(pod, containers=(*pod.containers, init))).interception
    assert (rules.inbound_port, rules.outbound_port, rules.proxy_uid) == (4143, 4140, 2102)
    assert rules.excluded_inbound_ports == ("4190", "4191", "4567-4568")
    assert rules.excluded_outbound_ports == ("4567",)


def test_rules_that_the_nodes_plugin_made() -> None:
    check = Container(name="istio-validation", kind="init", state="terminated")
    pod = _with(healthy_pod(), "istio-proxy", "pilot-agent", "envoy")
    assert _rules(replace(pod, containers=(*pod.containers, check))).interception.by == "cni"
    assert _rules(pod).interception.by == "unknown"


def test_why_connections_pass_by() -> None:
    pod = _with(healthy_pod(), "istio-proxy", "pilot-agent", "envoy")
    out = flow("webapp", None, "10.9.0.1:5432", 2, scope="external", remote="10.9.0.1")
    over = flow(
        "webapp", None, "10.9.0.2:5432", 3, scope="external", remote="10.9.0.2", states={"time-wait": 3}
    )
    pod = replace(pod, network=replace(pod.network, flows=(out, over)))

    def reason(pod: Snapshot) -> str | None:
        (only_one,) = _rules(pod).bypass
        assert only_one.connections == 2
        return only_one.reason

    def annotated(key: str, value: str) -> Snapshot:
        annotations = {f"traffic.sidecar.istio.io/{key}": value}
        return replace(pod, target=replace(pod.target, annotations=annotations))

    assert reason(pod) is None
    assert reason(annotated("excludeOutboundPorts", "80, 5432")) == "port 5432 is left out"
    assert reason(annotated("excludeOutboundIPRanges", "nonsense,10.9.0.0/16")) == "10.9.0.1 is left out"
    user = replace(pod.containers[1].user, uid=1337)  # type: ignore[type-var]
    same = replace(
        pod, containers=(pod.containers[0], replace(pod.containers[1], user=user), pod.containers[2])
    )
    assert reason(same) == "webapp runs as the proxy's user 1337"
    assert "nothing that podprobe sees says why" in only("SVC104", judged(pod)).evidence[-1]


@pytest.mark.parametrize(
    ("port", "ranges", "found"),
    [(80, ["80"], True), (81, ["80"], False), (4568, ["4567-4568"], True), (1, ["", "*", "x-2", "1-"], False),
     (None, ["80"], False)],
)  # fmt: skip
def test_ports_and_ranges_of_them(port: int | None, ranges: list[str], found: bool) -> None:
    assert is_excluded(port, ranges) is found
