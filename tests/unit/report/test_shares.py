"""How far single connections account for what the Pod has sent again, in every report."""

from __future__ import annotations

import msgspec
import pytest

from podprobe.analysis.activity import with_activity
from podprobe.model import Retransmits
from podprobe.report import render
from podprobe.report.shares import attributed
from tests.support.samples import troubled_pod
from tests.support.traffic import looks

STILL = "by connections still there"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, ""),
        (Retransmits(namespace=0, attributed=0), "nothing sent again since the Pod began"),
        (
            Retransmits(seconds=2.0, namespace=12, attributed=11),
            f"12 segments sent again in 2 s, 91.7 % {STILL}",
        ),
        (
            Retransmits(seconds=0.2, namespace=1, attributed=1),
            f"1 segment sent again just now, 100 % {STILL}",
        ),
        (
            Retransmits(namespace=9, attributed=12),
            f"9 segments sent again since the Pod began, 100 % {STILL}",
        ),
    ],
)
def test_in_words(found: Retransmits | None, said: str) -> None:
    assert attributed(found) == said


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_every_report_tells_it_and_the_rates_where_there_are_any(form: str) -> None:
    first, second = looks()
    assert "Traffic by container" in render([first], form)
    assert "since the Pod began" in render([first], form)
    assert "sent/s" not in render([first], form)
    text = render([second], form)
    assert "12 segments sent again in 2 s, 50 % by connections still there" in text
    assert "rwnd / sndbuf wait" in text


def test_a_pod_without_sockets_has_no_such_section() -> None:
    pod = troubled_pod()
    bare = msgspec.structs.replace(
        pod, network=msgspec.structs.replace(pod.network, connections=(), flows=())
    )
    assert "Traffic by container" not in render([with_activity(bare, None)], "table")
