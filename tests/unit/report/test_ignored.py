"""What the configuration accepts is told with its reason, and counts nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from podprobe.config import Config, Ignore
from podprobe.findings import judge
from podprobe.lint import lint
from podprobe.report import lint as lint_report
from podprobe.report import plain, render
from tests.support.samples import troubled_pod
from tests.unit.test_lint import WEB

if TYPE_CHECKING:
    from podprobe.model import Snapshot

REASON = "the operator declares it\x1b[2J"
CONFIG = Config(ignore=tuple(Ignore(code=code, reason=REASON) for code in ("NET103", "VOL104")))
SAID = r"ignored (2 × NET103: the operator declares it\x1b[2J"


@pytest.fixture
def pod() -> Snapshot:
    found = judge(troubled_pod(), (), CONFIG)
    return replace(troubled_pod(), findings=found.findings, ignored=found.ignored)


@pytest.mark.parametrize("output", ["table", "markdown", "html"])
def test_a_report_tells_it_in_a_line(pod: Snapshot, output: str) -> None:
    text = render([pod], output)
    assert SAID in text
    assert "\x1b" not in text


def test_sentences_tell_it_once(pod: Snapshot) -> None:
    (first, *_) = plain.sentences(None, pod)
    assert SAID in first
    assert not any("ignored" in line for line in plain.sentences(pod, pod))


def test_sarif_suppresses_it(pod: Snapshot) -> None:
    (run,) = json.loads(render([pod], "sarif"))["runs"]
    closed = [each for each in run["results"] if "suppressions" in each]
    assert [each["ruleId"] for each in closed] == [each.finding.code for each in pod.ignored]
    (suppression,) = closed[0]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert suppression["justification"] == r"the operator declares it\x1b[2J"
    assert len(run["results"]) == len(pod.findings) + len(pod.ignored)


def test_lint_tells_it() -> None:
    (file,) = lint([("web.yaml", WEB)], CONFIG)
    assert [(each.finding.code, each.ignored) for each in file.ignored] == [("VOL104", REASON)]
    assert "; 1 ignored (VOL104: the operator declares it" in lint_report.summary([file])
    (run,) = json.loads(lint_report.render([file], "sarif"))["runs"]
    assert [each["ruleId"] for each in run["results"] if "suppressions" in each] == ["VOL104"]
