"""Paths, proxies and meshes as the reports show them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.model import ProxyAdmin, Snapshot, Upstream
from podprobe.report import render
from podprobe.report.sections import Section, sections
from tests.support.samples import healthy_pod
from tests.unit.analysis.proxies.recorded import judged, recorded


def _section(pod: Snapshot, name: str) -> Section:
    (found,) = (each for each in sections(pod) if each.name == name)
    return found


def _cells(section: Section) -> list[dict[str, str]]:
    titles = [column.title for column in section.columns]
    return [dict(zip(titles, (cell.text for cell in row.cells), strict=True)) for row in section.rows]


def test_a_path_is_a_row_for_each_leg() -> None:
    rows = _cells(_section(judged(recorded("proxied")), "paths"))
    assert [row["path"] for row in rows] == ["1", "1", "2", "2", "3", "3", "4", "4"]
    (first, second) = (row for row in rows if "haproxy" in {row["from"], row["to"]})
    assert (first["from"], first["at"]) == ("outside, by Service web:8081", "10.78.0.131:8080")
    assert (second["to"], second["at"]) == ("app", "127.0.0.1:5000")
    assert first["what the proxies cost"] == "–"
    assert second["what the proxies cost"].startswith("adds at least 5 µs, takes 4.3 MiB")


def test_where_a_redirected_connection_was_meant_to_go() -> None:
    rows = _cells(_section(judged(recorded("meshed")), "paths"))
    assert [row["at"] for row in rows if row["from"] == "caller"] == [
        "127.0.0.1:15001, meant for 10.78.0.128:7777"
    ]


def test_a_way_that_is_one_of_several_is_marked() -> None:
    pod = judged(recorded("proxied"))
    doubtful = replace(pod, paths=tuple(replace(path, certain=False) for path in pod.paths))
    section = _section(doubtful, "paths")
    assert section.note.startswith("(?)")
    assert all(row["what the proxies cost"].startswith("(?) ") for row in _cells(section)[1::2])
    assert _section(pod, "paths").note == ""


def test_the_mesh_says_how_it_is_known_and_what_passes_it_by() -> None:
    rows = _cells(_section(judged(recorded("meshed")), "mesh"))
    assert {"what": "proxy", "is": "istio-proxy"} in rows
    assert "outside → plain 10.78.0.132:9000, 1: port 9000 is left out" in [row["is"] for row in rows]


def test_upstreams_with_nobody_to_ask_are_critical() -> None:
    pod = judged(recorded("proxied"))
    upstreams = (
        Upstream(
            name="shop", hosts=2, healthy_hosts=0, unhealthy=("10.0.0.9:80: failed \x1b[31m",), requests=9
        ),
        Upstream(name="cart", hosts=2, healthy_hosts=2, request_p50_ms=0.0, request_p99_ms=12.5),
    )
    admin = ProxyAdmin(
        address="127.0.0.1:9901", version="1.40.0", state="DRAINING", uptime_seconds=90, upstreams=upstreams,
        upstream_count=5,
    )  # fmt: skip
    pod = replace(
        pod,
        proxies=tuple(
            replace(each, admin=admin) if each.container == "envoy" else each for each in pod.proxies
        ),
    )
    section = _section(pod, "upstreams")
    assert [row.cells[2].tone for row in section.rows] == ["critical", "plain"]
    assert section.note == "3 more were left out"
    assert _cells(section)[1]["request p50 / p99"] == "< 1 ms / 12.5 ms"
    (envoy,) = (row for row in _section(pod, "proxies").rows if row.cells[0].text == "envoy")
    assert [cell.text for cell in envoy.cells[3:6]] == ["1.40.0", "DRAINING", "90 s"]
    assert envoy.cells[4].tone == "warning"
    assert "\x1b[31m" not in render([pod], "table", width=400)


@pytest.mark.parametrize("form", ["table", "markdown", "html"])
def test_every_report_for_people_has_them_and_none_where_there_are_none(form: str) -> None:
    assert "Paths through proxies" in render([judged(recorded("meshed"))], form)
    assert "Service mesh" in render([judged(recorded("meshed"))], form)
    assert "Paths through proxies" not in render([healthy_pod()], form)


def test_metrics_of_upstreams_and_of_the_mesh() -> None:
    pod = judged(recorded("meshed"))
    upstream = Upstream(name="shop", hosts=2, healthy_hosts=1, connect_failures=3, requests=9)
    admin = ProxyAdmin(address="127.0.0.1:15000", upstreams=(upstream,), upstream_count=1)
    pod = replace(pod, proxies=tuple(replace(each, admin=admin) for each in pod.proxies))
    text = render([pod], "prometheus")
    who = 'container="istio-proxy",namespace="proxies",pod="meshed",upstream="shop"'
    assert f"podprobe_upstream_healthy_hosts{{{who}}} 1.0" in text
    assert f"podprobe_upstream_connect_failures_total{{{who}}} 3.0" in text
    assert (
        'podprobe_mesh_connections{direction="inbound",mesh="istio",namespace="proxies",pod="meshed"} 1.0'
        in text
    )
    assert (
        'podprobe_mesh_bypassing_connections{direction="outbound",mesh="istio",namespace="proxies",pod="meshed"} 1.0'
        in text
    )
