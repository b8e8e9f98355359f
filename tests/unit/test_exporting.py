"""OTLP over real HTTP, decoded with OpenTelemetry's own protobuf."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from podprobe import __version__
from podprobe.analysis.times import epoch
from podprobe.errors import UsageError
from podprobe.exporting import OtlpExporter, parse_endpoint
from podprobe.model import Limit, to_json
from podprobe.report.metrics import METRICS, opentelemetry_name
from podprobe.report.prometheus import Metrics
from tests.support.otlp import receiver
from tests.support.prometheus import free_port
from tests.support.samples import troubled_pod

if TYPE_CHECKING:
    from pathlib import Path


def _texts(attributes: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in attributes}


def _points(request: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Each data point by its name as Prometheus translates it, and its attributes."""
    units = {"s": "_seconds", "By": "_bytes", "1": "_ratio", "": ""}
    found = {}
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    for metric in scope.metrics:
        data = getattr(metric, metric.WhichOneof("data"))
        total = "_total" if metric.WhichOneof("data") == "sum" else ""
        name = metric.name.replace(".", "_") + units[metric.unit] + total
        for point in data.data_points:
            labels = {
                ("container" if key == "k8s.container.name" else key, value)
                for key, value in _texts(point.attributes).items()
            }
            value = getattr(point, point.WhichOneof("value"))
            found[name, frozenset(labels)] = value
    return found


def test_the_same_numbers_as_prometheus_gets() -> None:
    pod = troubled_pod()
    said: list[str] = []
    with receiver() as kept:
        with OtlpExporter(parse_endpoint(f"http://127.0.0.1:{kept.port}"), said.append) as exporter:
            exporter.add(pod)
        (request,) = kept.requests
    assert said == []
    metrics = Metrics()
    metrics.add(pod)
    expected = {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v and k not in ("namespace", "pod"))): (
            sample.value
        )
        for family in metrics.collect()
        for sample in family.samples
        if not sample.name.endswith("look_timestamp_seconds")
    }  # fmt: skip
    assert _points(request) == expected


def test_whose_they_are_and_when() -> None:
    pod = troubled_pod()
    with receiver() as kept:
        with OtlpExporter(parse_endpoint(f"http://127.0.0.1:{kept.port}"), print) as exporter:
            exporter.add(pod)
        (request,) = kept.requests
    (resource,) = request.resource_metrics
    named = _texts(resource.resource.attributes)
    assert named["service.version"] == __version__
    assert named["k8s.pod.name"] == pod.target.pod
    assert named["k8s.namespace.name"] == pod.target.namespace
    (scope,) = resource.scope_metrics
    assert scope.scope.name == "podprobe"
    cpu = next(metric for metric in scope.metrics if metric.name == "podprobe.container.cpu")
    assert (cpu.unit, cpu.sum.is_monotonic, cpu.sum.aggregation_temporality) == ("s", True, 2)
    at = epoch(pod.taken_at)
    assert at
    assert {point.time_unix_nano for point in cpu.sum.data_points} == {int(at * 1e9)}


@pytest.mark.parametrize("limit", [2**63 - 1, 18_446_744_073_692_774_399])
def test_the_kernels_usual_limits_are_beyond_an_integer_and_sent(limit: int) -> None:
    pod = troubled_pod()
    ipc = msgspec.structs.replace(pod.ipc, limits=(Limit(name="shmmax_bytes", limit=limit, used=None),))
    said: list[str] = []
    with receiver() as kept:
        with OtlpExporter(parse_endpoint(f"http://127.0.0.1:{kept.port}"), said.append) as exporter:
            exporter.add(msgspec.structs.replace(pod, ipc=ipc))
        assert said == []
        (request,) = kept.requests
    found = _points(request)["podprobe_ipc_limit", frozenset({("limit", "shmmax_bytes")})]
    assert found == float(limit)


def test_what_cannot_be_encoded_is_told_without_the_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podprobe.report.otlp._number", lambda _: 2**63)
    said: list[str] = []
    with receiver() as kept:
        with OtlpExporter(parse_endpoint(f"http://127.0.0.1:{kept.port}"), said.append) as exporter:
            exporter.add(troubled_pod())
        assert not kept.requests
    (line,) = said
    assert "Value out of range" in line
    assert "Metric" not in line


def test_every_name_is_a_name_of_its_own() -> None:
    names = [opentelemetry_name(name) for name in METRICS]
    assert len({name for name, _ in names}) == len(METRICS)
    assert all(name.startswith("podprobe.") and name == name.lower() for name, _ in names)
    assert opentelemetry_name("flow_rtt_seconds") == ("podprobe.flow.rtt", "s")
    assert opentelemetry_name("dev_shm_used_bytes") == ("podprobe.dev_shm.used", "By")


def test_a_receiver_that_is_away_is_told_of_once_and_again_when_it_is_back() -> None:
    said: list[str] = []
    told = threading.Condition()

    def say(text: str) -> None:
        with told:
            said.append(text)
            told.notify_all()

    def wait(number: int) -> None:
        with told:
            assert told.wait_for(lambda: len(said) >= number, 30), said

    port = free_port()
    pod = troubled_pod()
    with OtlpExporter(parse_endpoint(f"http://127.0.0.1:{port}"), say) as exporter:
        exporter.add(pod)
        wait(1)
        with receiver(port) as kept:
            exporter.add(pod)
            wait(2)
            assert kept.requests
    where = f"http://127.0.0.1:{port}/v1/metrics"
    assert said == [
        f"cannot send metrics to {where}: Connection refused; trying again with every look",
        f"{where} takes metrics again",
    ]


def test_a_receiver_that_refuses() -> None:
    said: list[str] = []
    with receiver() as kept:
        kept.status = 401
        with OtlpExporter(parse_endpoint(f"http://127.0.0.1:{kept.port}"), said.append) as exporter:
            exporter.failed(troubled_pod().target)
        kept.wait(1)
        (request,) = kept.requests
    assert _points(request) == {("podprobe_up", frozenset()): 0}
    assert len(said) == 1
    assert "401" in said[0]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/metrics"),
        ("https://collector/", "https://collector/v1/metrics"),
        ("https://collector/in/v1/metrics?tenant=a", "https://collector/in/v1/metrics?tenant=a"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
    ],
)
def test_endpoints(text: str, url: str) -> None:
    assert parse_endpoint(text) == url


@pytest.mark.parametrize("text", ["collector:4317", "grpc://collector:4317", "http://", "http://a:x", ""])
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(UsageError, match="not the URL of an OTLP receiver"):
        parse_endpoint(text)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    with pytest.raises(UsageError) as told:
        OtlpExporter("http://127.0.0.1:1/v1/metrics", print)
    assert "podprobe[otlp]" in told.value.hint


def test_a_watch_sends_every_look(tmp_path: Path) -> None:
    target = tmp_path / "pod.json"
    target.write_text(to_json(troubled_pod()))
    command = [
        sys.executable, "-m", "podprobe", "watch", f"file:{target}", "-i", "100ms", "--count", "3", "-q", "--otlp",
    ]  # fmt: skip
    with receiver() as kept:
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{kept.port}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert _points(kept.requests[-1])["podprobe_up", frozenset()] == 1
    # Nobody listens there any more: the watch goes on, and says so once.
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{kept.port}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr.count("cannot send metrics") == 1
