"""Trends of a recording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from podprobe.report import render
from podprobe.report.trends import HEIGHT, MOST_POINTS, MOST_TRENDS, WIDTH, trends
from tests.support.hostile import poison
from tests.support.samples import troubled_pod

if TYPE_CHECKING:
    from podprobe.model import Snapshot


def _with_rtt(*rtts: int | None) -> list[Snapshot]:
    """Looks at a Pod of which only one flow's round trip changes."""
    pod = troubled_pod()
    flow = next(found for found in pod.network.flows if found.server == "127.0.0.1:5000")
    return [
        msgspec.structs.replace(
            pod,
            network=msgspec.structs.replace(pod.network, flows=(msgspec.structs.replace(flow, rtt_us=rtt),)),
        )
        for rtt in rtts
    ]


def test_a_line_from_low_to_high() -> None:
    (trend,) = trends(_with_rtt(100, 300, 200))
    assert (trend.title, trend.kind) == ("nginx → webapp 127.0.0.1:5000", "rtt")
    assert (trend.low, trend.high, trend.last) == ("0.1 ms", "0.3 ms", "0.2 ms")
    assert trend.path == f"M0.0 {HEIGHT} L{WIDTH / 2} 0.0 L{WIDTH} {HEIGHT / 2}"


def test_an_absent_value_interrupts_the_line() -> None:
    (trend,) = trends(_with_rtt(100, None, 300, 200))
    assert re.sub(r"[\d. ]", "", trend.path) == "MML"


def test_what_never_moves_is_left_out() -> None:
    assert trends([troubled_pod()] * 3) == []
    assert trends([]) == []


def test_a_flow_that_comes_later_starts_later() -> None:
    first, *rest = _with_rtt(1, 2, 3)
    empty = msgspec.structs.replace(first, network=msgspec.structs.replace(first.network, flows=()))
    (trend,) = [found for found in trends([empty, *rest]) if found.kind == "rtt"]
    assert trend.path.startswith(f"M{WIDTH / 2:.1f} ")


def test_peaks_survive_thinning() -> None:
    values = [100] * 5000
    values[1234] = 9000
    (trend,) = trends(_with_rtt(*values))
    assert trend.path.count("L") == MOST_POINTS - 1
    assert " 0.0" in trend.path


def test_their_number_is_bounded() -> None:
    pod = troubled_pod()
    flow = pod.network.flows[0]

    def look(rtt: int) -> Snapshot:
        flows = tuple(
            msgspec.structs.replace(flow, server=f"127.0.0.1:{port}", rtt_us=rtt) for port in range(100)
        )
        return msgspec.structs.replace(pod, network=msgspec.structs.replace(pod.network, flows=flows))

    assert len(trends([look(1), look(2)])) == MOST_TRENDS


def test_the_page_of_a_recording_shows_them() -> None:
    *past, last = _with_rtt(100, 300, 200)
    assert "<h3>Trends</h3>" in render([last], "html", past=past)
    assert "<h3>Trends</h3>" not in render([last], "html")


def test_a_hostile_pod_stays_text() -> None:
    *past, last = [poison(pod) for pod in _with_rtt(1, 2)]
    assert "<script>alert" not in render([last], "html", past=past)
