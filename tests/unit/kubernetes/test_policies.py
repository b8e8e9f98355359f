"""NetworkPolicies read, selected and put in words. The API server is a list of recorded answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podprobe.model import PolicyPort, PolicyRule
from podprobe.targets.kubernetes import labels
from podprobe.targets.kubernetes.failures import ApiAccessError, ApiError
from podprobe.targets.kubernetes.objects import Pod, Selector
from podprobe.targets.kubernetes.policies import policies_of, policy_of
from podprobe.targets.kubernetes.policy_objects import ApiGroups, PolicyList, PolicyObject
from tests.unit.kubernetes.recorded import load, pod


class Answers:
    """Answers to a list of NetworkPolicies and to `/apis`; an exception is raised."""

    def __init__(self, policies: Any, *groups: str, discovery: Exception | None = None) -> None:
        self.policies = policies
        self.groups = groups
        self.discovery = discovery

    def recently(self, ask: Any, kind: Any) -> Any:
        assert ask.path.startswith("/apis/networking.k8s.io/v1/namespaces/")
        assert ask.resource == "networkpolicies"
        if isinstance(self.policies, Exception):
            raise self.policies
        return self.policies

    def raw(self, path: str, kind: Any) -> Any:
        assert path == "/apis"
        if self.discovery:
            raise self.discovery
        return msgspec.convert(
            {"groups": [{"name": name, "versions": []} for name in self.groups]}, ApiGroups
        )


def selector(**wire: Any) -> Selector:
    return msgspec.convert(wire, Selector)


def policy(**spec: Any) -> PolicyObject:
    return msgspec.convert({"metadata": {"name": "one"}, "spec": spec}, PolicyObject)


def test_recorded_policies() -> None:
    api: Any = Answers(load("networkpolicies", PolicyList), "apps", "networking.k8s.io")
    (egress, ingress), notes = policies_of(api, load("rich", Pod))
    assert not notes
    assert (egress.name, egress.types, egress.ingress) == ("default-deny-egress", ("egress",), ())
    assert egress.egress == (
        PolicyRule(ports=(PolicyPort(protocol="udp", port=53),), peers=("every Pod of every namespace",)),
    )
    assert (ingress.name, ingress.types) == ("web-in", ("ingress",))
    assert ingress.ingress == (
        PolicyRule(ports=(PolicyPort(port=8080, name="http"),)),
        PolicyRule(
            ports=(PolicyPort(port=9000, end_port=9010), PolicyPort(protocol="udp", port=8125)),
            peers=(
                "Pods of this namespace with app=gateway",
                "every Pod of namespace monitoring",
                "Pods of every namespace with any role",
                "addresses in 10.0.0.0/8 except 10.1.0.0/16",
            ),
        ),
        PolicyRule(ports=(PolicyPort(port=None, name="nowhere"),)),
    )


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([{"key": "app", "operator": "In", "values": ["a", "web"]}], True),
        ([{"key": "app", "operator": "In", "values": ["a"]}], False),
        ([{"key": "gone", "operator": "In", "values": ["a"]}], False),
        ([{"key": "app", "operator": "NotIn", "values": ["web"]}], False),
        ([{"key": "gone", "operator": "NotIn", "values": ["a"]}], True),
        ([{"key": "app", "operator": "Exists"}], True),
        ([{"key": "gone", "operator": "Exists"}], False),
        ([{"key": "gone", "operator": "DoesNotExist"}], True),
        ([{"key": "app", "operator": "DoesNotExist"}], False),
        ([{"key": "app", "operator": "Exists"}, {"key": "gone", "operator": "Exists"}], False),
        ([{"key": "app", "operator": "Like", "values": ["w*"]}], None),
        ([{"key": "app", "operator": "Like"}, {"key": "gone", "operator": "Exists"}], False),
    ],
)
def test_expressions(expressions: list[dict[str, Any]], expected: bool | None) -> None:
    assert labels.matches(selector(matchExpressions=expressions), {"app": "web"}) is expected


def test_labels_and_empty_selectors() -> None:
    assert labels.matches(selector(matchLabels={"app": "web"}), {"app": "web", "tier": "x"}) is True
    assert (
        labels.matches(selector(matchLabels={"app": "web", "tier": "y"}), {"app": "web", "tier": "x"})
        is False
    )
    assert labels.matches(selector(), {}) is True
    assert labels.matches(None, {}) is True


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ("ingress",)),
        ({"egress": []}, ("ingress",)),
        ({"egress": [{}]}, ("ingress", "egress")),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, ("egress",)),
        ({"policyTypes": ["Egress", "Ingress"]}, ("ingress", "egress")),
    ],
)
def test_directions(spec: dict[str, Any], types: tuple[str, ...]) -> None:
    made = policy_of(policy(**spec), pod())
    assert made.types == types
    assert bool(made.ingress) <= ("ingress" in types)
    assert bool(made.egress) <= ("egress" in types)


def test_ports_and_peers_left_out_mean_all() -> None:
    (rule,) = policy_of(policy(ingress=[{"ports": [], "from": []}]), pod()).ingress
    assert rule == PolicyRule()
    (rule,) = policy_of(policy(ingress=[{"ports": [{"protocol": "UDP"}]}]), pod()).ingress
    assert rule.ports == (PolicyPort(protocol="udp"),)


def test_a_name_of_another_protocol_is_no_port_of_the_pod() -> None:
    (rule,) = policy_of(
        policy(ingress=[{"ports": [{"protocol": "UDP", "port": "http"}]}]), load("rich", Pod)
    ).ingress
    assert rule.ports == (PolicyPort(protocol="udp", port=None, name="http"),)


def test_a_peer_of_a_new_kind_is_not_everybody() -> None:
    (rule,) = policy_of(policy(ingress=[{"from": [{"starSign": {"name": "leo"}}]}]), pod()).ingress
    assert rule.peers == ("peers of a kind that podprobe does not know",)


@pytest.mark.parametrize(("status", "granted"), [(403, True), (500, False)])
def test_without_permission_it_is_a_note(status: int, granted: bool) -> None:
    error = ApiAccessError if status == 403 else ApiError
    api: Any = Answers(error("you may not list networkpolicies", status=status))
    policies, (note,) = policies_of(api, load("rich", Pod))
    assert policies == ()
    assert (note.area, note.level) == ("network_policies", "none")
    assert bool(note.allow) is granted


def test_other_kinds_of_policies_are_named_where_it_matters() -> None:
    groups = ("crd.projectcalico.org", "projectcalico.org", "cilium.io", "apps")
    api: Any = Answers(load("networkpolicies", PolicyList), *groups)
    _, (note,) = policies_of(api, load("rich", Pod))
    assert note.level == "partial"
    assert note.reason.endswith("not judged: Cilium's, Calico's")
    nothing: Any = Answers(PolicyList(), *groups)
    assert policies_of(nothing, load("rich", Pod)) == ((), ())


def test_what_cannot_be_judged_is_a_note() -> None:
    strange = policy(podSelector={"matchExpressions": [{"key": "app", "operator": "Like"}]})
    api: Any = Answers(PolicyList(items=(strange,)))
    policies, (note,) = policies_of(api, pod())
    assert policies == ()
    assert "NetworkPolicy one selects Pods in a way" in note.reason

    api = Answers(PolicyList(items=(policy(),)), discovery=ApiError("no /apis", status=403))
    (one,), notes = policies_of(api, pod(spec={"hostNetwork": True}))
    assert one.types == ("ingress",)
    assert [note.level for note in notes] == ["partial", "partial"]
    assert "on the host's network" in notes[0].reason
    assert notes[1].reason == "whether the cluster has other kinds of policies is not known: no /apis"
