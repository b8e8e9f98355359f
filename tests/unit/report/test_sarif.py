"""SARIF as code-scanning services read it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest

from podprobe.analysis.diff import diff
from podprobe.config import Config
from podprobe.findings import evaluate
from podprobe.report import Look, Missed, render, renderer
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, troubled_pod

if TYPE_CHECKING:
    from podprobe.model import Snapshot


def _run(text: str) -> dict[str, Any]:
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run  # type: ignore[no-any-return]


def test_each_finding_is_a_result() -> None:
    run = _run(render([troubled_pod()], "sarif"))
    found = [(result["ruleId"], result["level"]) for result in run["results"]]
    levels = {"critical": "error", "warning": "warning", "info": "note"}
    assert found == [(each.code, levels[each.severity]) for each in troubled_pod().findings]
    assert {("NET103", "note"), ("PRC101", "warning"), ("SVC101", "error")} <= set(found)
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["help"]["text"].endswith(f"podprobe explain {rule['id']}")
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        assert (
            location["physicalLocation"]["artifactLocation"]["uri"]
            == "namespaces/shop/pods/shop-7d9f5c6b8-x2x4p"
        )


def test_a_fingerprint_outlives_the_id_of_a_segment() -> None:
    looks = [
        msgspec.structs.replace(pod, findings=evaluate(pod, (), Config())) for pod in map(_leaked, (0, 1))
    ]
    first, second = (json.loads(render([look], "sarif"))["runs"][0]["results"] for look in looks)
    prints = [[result["partialFingerprints"] for result in results] for results in (first, second)]
    assert "IPC101" in {result["ruleId"] for result in first}
    assert prints[0] == prints[1]
    assert not [change for change in diff(*looks).changes if change.area == "finding"]


def _leaked(number: int) -> Snapshot:
    pod = troubled_pod()
    segments = tuple(msgspec.structs.replace(one, id=one.id + 100 * number) for one in pod.ipc.shared_memory)
    return msgspec.structs.replace(pod, ipc=msgspec.structs.replace(pod.ipc, shared_memory=segments))


def test_a_fingerprint_is_the_findings_own() -> None:
    first, second = (_run(render([troubled_pod()], "sarif"))["results"] for _ in range(2))
    fingerprints = [result["partialFingerprints"]["podprobe/v1"] for result in first]
    assert len(set(fingerprints)) == len(fingerprints)
    assert fingerprints == [result["partialFingerprints"]["podprobe/v1"] for result in second]


def test_a_pod_that_was_not_looked_at_is_a_notification() -> None:
    target = renderer("sarif", Look(many=True))
    target.add(healthy_pod())
    target.failed(Missed("shop", "gone", "not found"))
    (invocation,) = _run(target.end())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert (
        invocation["toolExecutionNotifications"][0]["message"]["text"]
        == "shop/gone could not be looked at: not found"
    )


def test_a_hostile_pod_stays_text() -> None:
    text = render([poison(troubled_pod())], "sarif")
    assert json.dumps(json.loads(text), ensure_ascii=False).isprintable()
    for result in _run(text)["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[\w/%.~-]+", uri, re.ASCII)


@pytest.mark.skipif(
    "PODPROBE_SARIF_SCHEMA" not in os.environ, reason="PODPROBE_SARIF_SCHEMA names no sarif-schema-2.1.0.json"
)
def test_the_official_schema_accepts_it() -> None:
    schema = json.loads(Path(os.environ["PODPROBE_SARIF_SCHEMA"]).read_text())
    target = renderer("sarif", Look(many=True))
    for pod in (healthy_pod(), troubled_pod(), poison(troubled_pod())):
        target.add(pod)
    target.failed(Missed("shop", "gone", "not found"))
    jsonschema.validate(json.loads(target.end()), schema)
