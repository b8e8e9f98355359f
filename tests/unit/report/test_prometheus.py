"""Metrics as Prometheus reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from podprobe.report import Look, Missed, render, renderer
from podprobe.report.files import Folder
from podprobe.report.metrics import METRICS
from podprobe.report.prometheus import PREFIX
from podprobe.report.samples import MOST_SERIES, OTHER, samples
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, large_pod, troubled_pod

if TYPE_CHECKING:
    from pathlib import Path

_POD = {"namespace": "shop", "pod": "shop-7d9f5c6b8-x2x4p"}


def _values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    values = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in values, "one series twice"
            values[key] = sample.value
    return values


def _value(text: str, name: str, **labels: str) -> float:
    return _values(text)[PREFIX + name, frozenset({**_POD, **labels}.items())]


def test_numbers_come_through() -> None:
    pod = troubled_pod()
    text = render([pod], "prometheus")
    assert _value(text, "up") == 1
    assert _value(text, "findings", severity="critical") == 8
    assert _value(text, "findings_by_code", severity="warning", code="PRC101") == 1
    flow = next(found for found in pod.network.flows if found.server == "127.0.0.1:5000")
    labels = {
        "protocol": "tcp", "scope": "loopback", "server": flow.server,
        "from_container": "nginx", "to_container": "webapp",
    }  # fmt: skip
    assert _value(text, "flow_rtt_seconds", **labels) == (flow.rtt_us or 0) / 1e6
    assert _value(text, "flow_retransmitted_segments", **labels) == flow.retransmits
    assert _value(text, "container_zombies", container="worker") == 14
    assert _value(text, "service_port_served", service="shop", port="5000") == 0


def test_what_is_absent_stays_absent() -> None:
    text = render([healthy_pod()], "prometheus")
    assert not any("size_limit" in name and "html" not in str(labels) for name, labels in _values(text))
    assert not any(value != value for value in _values(text).values()), "no NaN"


@pytest.mark.parametrize("make", [healthy_pod, troubled_pod, large_pod])
def test_every_sample_is_declared_with_its_labels(make: object) -> None:
    for name, labels, _ in samples(make()):  # type: ignore[operator]
        assert len(METRICS[name].labels) == 2 + len(labels), name


def test_names_and_units_keep_the_conventions() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", name)
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert not re.search(r"_(ms|us|milliseconds|kib|mib|percent)(_|$)", name)
        assert metric.help.endswith(".")


def test_a_pod_with_many_flows_has_bounded_series() -> None:
    pod = troubled_pod()
    (template,) = [found for found in pod.network.flows if found.server == "127.0.0.1:5000"]
    flows = tuple(msgspec.structs.replace(template, server=f"10.0.0.1:{port}") for port in range(1000, 3000))
    busy = msgspec.structs.replace(pod, network=msgspec.structs.replace(pod.network, flows=flows))
    found = {labels[4]: value for name, labels, value in samples(busy) if name == "flow_connections"}
    assert len(found) == MOST_SERIES + 1
    assert sum(found.values()) == 2000 * template.connections
    assert found[OTHER] == (2000 - MOST_SERIES) * template.connections


def test_remote_addresses_are_no_label() -> None:
    assert "10.244.2.9" not in render([troubled_pod()], "prometheus")


def test_a_pod_that_was_not_looked_at_is_down_and_keeps_no_old_numbers() -> None:
    target = renderer("prometheus", Look(many=True))
    target.add(troubled_pod())
    target.failed(Missed("shop", "shop-7d9f5c6b8-x2x4p", "gone"))
    assert _values(target.end()) == {(f"{PREFIX}up", frozenset(_POD.items())): 0.0}


def test_a_slash_in_what_was_asked_for_is_no_namespace() -> None:
    target = renderer("prometheus", Look(many=True))
    target.failed(Missed("shop", "deploy/none", "there is no deploy/none"))
    labels = frozenset({"namespace": "shop", "pod": "deploy/none"}.items())
    assert _values(target.end()) == {(f"{PREFIX}up", labels): 0.0}


def test_the_file_of_a_pod_that_failed_says_that_it_is_down(tmp_path: Path) -> None:
    pod = troubled_pod().target
    written = Folder(tmp_path, "prometheus").write(troubled_pod())
    assert _values(written.read_text())[f"{PREFIX}up", frozenset(_POD.items())] == 1.0
    Folder(tmp_path, "prometheus").failed(Missed(pod.namespace, pod.pod, "gone"))
    assert _values(written.read_text()) == {(f"{PREFIX}up", frozenset(_POD.items())): 0.0}
    assert list(tmp_path.iterdir()) == [written]
    assert Folder(tmp_path, "json").failed(Missed(pod.namespace, pod.pod, "gone")) is None


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize("hostile", [False, True])
def test_promtool_accepts_it(hostile: bool) -> None:
    pods = [poison(troubled_pod()) if hostile else troubled_pod(), healthy_pod(), large_pod()]
    names = ("a", "b", "c")
    told_apart = [
        msgspec.structs.replace(pod, target=msgspec.structs.replace(pod.target, pod=name))
        for pod, name in zip(pods, names, strict=True)
    ]
    result = subprocess.run(
        ["promtool", "check", "metrics"],
        input=render(told_apart, "prometheus"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
