"""SVC103, and the places where NetworkPolicies are shown."""

from __future__ import annotations

from msgspec.structs import replace

from podprobe.analysis.policies import reach
from podprobe.model import Listener, NetworkPolicy, PolicyPort, PolicyRule, ServicePort, Snapshot
from podprobe.report import render
from tests.support import changes
from tests.support.changes import codes, only
from tests.support.samples import healthy_pod

WEB = NetworkPolicy(name="web", types=("ingress",), ingress=(PolicyRule(ports=(PolicyPort(port=80),)),))
OUT = NetworkPolicy(name="out", types=("egress",))


def policed(*policies: NetworkPolicy) -> Snapshot:
    """nginx on :80, webapp on :9000 as well, a Service before both."""
    pod = healthy_pod()
    extra = Listener(protocol="tcp", address="0.0.0.0", port=9000, container="webapp", declared_by="webapp")
    pod = changes.network(pod, listeners=(*pod.network.listeners, extra))
    ports = (
        ServicePort(port=80, target_port=80, listener="ok", container="nginx"),
        ServicePort(port=90, target_port=9000, listener="ok", container="webapp"),
    )
    pod = replace(pod, services=(replace(pod.services[0], ports=ports),), network_policies=policies)
    return replace(pod, reach=reach(pod))


def test_a_port_is_closed() -> None:
    found = only("SVC103", policed(WEB, OUT))
    assert found.severity == "info"
    assert found.containers == ("webapp",)
    assert found.evidence == (
        "NetworkPolicy web restricts ingress: anyone at 80.",
        "NetworkPolicy out restricts egress: nowhere.",
        "No policy lets anybody reach :9000, where webapp listens.",
        "Service shop sends port 90 to :9000, which is closed to everybody.",
        "Whether the cluster's network plugin enforces NetworkPolicies cannot be seen from the Pod.",
    )
    assert found.pointers == ("/network_policies/0", "/network_policies/1", "/reach/1", "/services/0/ports/1")
    assert "If :9000 should be reached, add an ingress rule for it to NetworkPolicy web" in found.remedy


def test_nothing_is_closed() -> None:
    found = only("SVC103", policed(OUT))
    assert not [sentence for sentence in found.evidence if ":9000" in sentence]
    assert found.remedy.startswith("Nothing")


def test_several_policies_close_a_port() -> None:
    nobody = replace(WEB, name="deny", ingress=())
    assert "one of 2 NetworkPolicies" in only("SVC103", policed(WEB, nobody)).remedy


def test_a_name_that_opens_nothing() -> None:
    lost = replace(WEB, ingress=(PolicyRule(ports=(PolicyPort(name="metrics"), PolicyPort(port=80))),))
    assert (
        "NetworkPolicy web opens the port named 'metrics', which no container declares."
        in only("SVC103", policed(lost)).evidence
    )


def test_on_the_hosts_network_it_is_not_judged() -> None:
    pod = policed(WEB)
    pod = replace(pod, target=replace(pod.target, host_network=True))
    found = only("SVC103", replace(pod, reach=reach(pod)))
    assert any("is not judged" in sentence for sentence in found.evidence)
    assert not [sentence for sentence in found.evidence if "No policy lets" in sentence]


def test_no_policy_no_word() -> None:
    assert "SVC103" not in codes(policed())
    for output in ("table", "markdown", "html"):
        assert "NetworkPolic" not in render([policed()], output)


def test_reports_show_it() -> None:
    for output in ("table", "markdown", "html"):
        text = render([policed(WEB, OUT)], output)
        assert "NetworkPolicies" in text
        assert "✖ nobody" in text
        assert "● anyone" in text
