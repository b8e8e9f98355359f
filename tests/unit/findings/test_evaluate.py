"""What holds for every rule."""

from __future__ import annotations

import re
from typing import Any

import pytest

from podprobe.config import Config, Ignore
from podprobe.errors import UsageError
from podprobe.findings import RULES, SEVERITIES, evaluate, find, judge
from podprobe.model import Snapshot, to_builtins
from podprobe.report.rules import explanation, page
from tests.support.samples import healthy_pod, large_pod, troubled_pod


def test_a_healthy_pod_has_no_finding() -> None:
    assert evaluate(healthy_pod()) == ()
    assert evaluate(healthy_pod(), [healthy_pod()] * 3) == ()


def test_a_large_healthy_pod_only_has_its_close_waits() -> None:
    assert {finding.code for finding in evaluate(large_pod(2_000))} <= {"NET108"}


def test_they_come_in_a_stable_order() -> None:
    found = evaluate(troubled_pod())
    keys = [(SEVERITIES.index(each.severity), each.code, each.subject) for each in found]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys)), "code and subject tell findings apart"
    assert evaluate(troubled_pod()) == found


def at(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) points at."""
    for step in pointer.removeprefix("/").split("/"):
        document = document[int(step)] if isinstance(document, list | tuple) else document[step]
    return document


def test_every_pointer_points_at_something() -> None:
    document = to_builtins(troubled_pod())
    found = evaluate(troubled_pod())
    assert sum(len(finding.pointers) for finding in found) > 30
    for finding in found:
        assert finding.pointers, finding.code
        for pointer in finding.pointers:
            at(document, pointer)


def test_evidence_is_sentences_and_remedies_name_something() -> None:
    for finding in evaluate(troubled_pod()):
        assert all(re.search(r"[.!?]$", sentence) for sentence in finding.evidence), finding.evidence
        if not RULES[finding.code].manifest:
            assert any(re.search(r"\d", sentence) for sentence in finding.evidence), finding.code
        assert finding.remedy.endswith("."), finding.remedy
        assert finding.severity in RULES[finding.code].severities
        assert finding.docs == f"docs/reference/findings.md#{finding.code.lower()}"


def test_thresholds_come_from_the_configuration() -> None:
    before = [f.subject for f in evaluate(troubled_pod()) if f.code == "PRC101"]
    strict = Config(thresholds={"PRC101.zombies": 15})
    assert before == ["worker"]
    assert not [f for f in evaluate(troubled_pod(), (), strict) if f.code == "PRC101"]


def test_findings_are_ignored_by_code_and_by_subject() -> None:
    one = Config(ignore=(Ignore(code="NET103", subject="9090", reason="metrics"),))
    ports = [f.subject for f in evaluate(troubled_pod(), (), one) if f.code == "NET103"]
    assert ports == ["worker tcp port 6379"]
    assert [(each.finding.subject, each.reason) for each in judge(troubled_pod(), (), one).ignored] == [
        ("webapp tcp port 9090", "metrics")
    ]
    every = Config(ignore=(Ignore(code="net103", reason="known"),))
    assert "NET103" not in {f.code for f in evaluate(troubled_pod(), (), every)}


def test_what_was_not_looked_at_is_not_judged(blind: Snapshot) -> None:
    """Before the agents are there, only what the manifest says can be wrong."""
    silent = {rule.code for rule in RULES.values() if not rule.manifest}
    assert not {f.code for f in evaluate(blind)} & (silent - {"RES103", "STA101", "STA102"})


@pytest.fixture
def blind() -> Snapshot:
    from msgspec.structs import replace

    from podprobe.model import Ipc, Network

    pod = troubled_pod()
    return replace(
        pod,
        network=Network(),
        ipc=Ipc(),
        latency=(),
        mounts=(),
        containers=tuple(replace(each, processes=None, cgroup=None) for each in pod.containers),
        volumes=tuple(
            replace(each, filesystem=None, usage=None, deleted_files=(), locks=()) for each in pod.volumes
        ),
        services=(),
        dns=(),
    )


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_is_explained(code: str) -> None:
    rule = RULES[code]
    text = explanation(rule)
    for part in (rule.title, "When.", "Measured by.", "Why it matters.", "What to do."):
        assert part in text
    for name in rule.thresholds:
        assert f"{code}.{name} = " in text
    assert rule.severities
    assert "{" not in rule.condition({}), "a threshold that does not exist"


def test_what_takes_several_looks_says_so() -> None:
    """Silence of a first look about these codes says nothing."""
    patient = {code: rule.looks for code, rule in RULES.items() if rule.looks > 1}
    assert patient == {"IPC104": 3, "TCP107": 2}
    assert not set(patient) & {each.code for each in evaluate(troubled_pod())}
    assert "One look does not show it" in explanation(find("IPC104"))


def test_the_thresholds_in_force_are_shown() -> None:
    text = explanation(find("vol101"), {"VOL101.warning_ratio": 0.5})
    assert "50 % or more" in " ".join(text.split())
    assert "0.85 by default" in text


def test_an_unknown_code_suggests_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        find("VOL10I")
    assert "VOL101" in error.value.hint


def test_the_page_has_every_code_once() -> None:
    headings = re.findall(r"^### (\w+)$", page(), re.MULTILINE)
    assert sorted(headings) == sorted(RULES)
    assert page().count("\n## ") == 8


def test_on_the_hosts_network_the_nodes_troubles_are_not_the_pods() -> None:
    """All that is wrong with the network is wrong with sockets that no container of the Pod is known to have."""
    from msgspec.structs import replace

    pod = troubled_pod()
    nobodys = {"container": None, "from_container": None, "to_container": None}

    def anonymous(items: Any) -> Any:
        names = set(items[0].__struct_fields__) & set(nobodys)
        return tuple(replace(each, **dict.fromkeys(names)) for each in items)

    network = replace(
        pod.network,
        listeners=anonymous(pod.network.listeners),
        connections=anonymous(pod.network.connections),
        flows=anonymous(pod.network.flows),
        unix=anonymous(pod.network.unix),
    )
    node = replace(
        pod, network=network, target=replace(pod.target, host_network=True), latency=(), services=()
    )
    found = {finding.code for finding in evaluate(node, [node]) if finding.code[:3] in {"NET", "TCP"}}
    assert found == {"NET102", "NET105", "NET111"}, "what its own spec says, and no more"
