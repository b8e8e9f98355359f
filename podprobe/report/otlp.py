"""A snapshot's metrics as OpenTelemetry's data model has them: the numbers that Prometheus gets, named its way.

The only module that imports the OpenTelemetry SDK, with `podprobe.exporting`; both come with the extra `otlp`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from podprobe import __version__
from podprobe.analysis.times import epoch
from podprobe.report.metrics import METRICS, POD_LABELS, opentelemetry_name
from podprobe.report.neutral import neutral
from podprobe.report.samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.model import Snapshot, Target
    from podprobe.report.samples import Sample

_ATTRIBUTES = {"container": "k8s.container.name"}
"""Labels that the semantic conventions have a name for."""
_LEFT_OUT = frozenset({"look_timestamp_seconds"})
"""Every data point carries its time."""
_INTEGERS = 2.0**63
_UNKNOWN_START = 0
"""When the kernel began to count is not known: 0 says so."""


def metrics_of(snapshot: Snapshot) -> MetricsData:
    """Everything that the snapshot knows a number for."""
    at = epoch(snapshot.taken_at)
    return _data(snapshot.target, samples(snapshot), time.time() if at is None else at)


def unseen(target: Target) -> MetricsData:
    """A Pod could not be looked at."""
    return _data(target, [("up", (), 0.0)], time.time())


def _data(target: Target, found: Iterable[Sample], at: float) -> MetricsData:
    points: dict[str, list[NumberDataPoint]] = {}
    nanoseconds = int(at * 1e9)
    for name, values, value in found:
        if name in _LEFT_OUT:
            continue
        labels = [label for label in METRICS[name].labels if label not in POD_LABELS]
        attributes = {
            _ATTRIBUTES.get(label, label): text for label, text in zip(labels, values, strict=True) if text
        }
        points.setdefault(name, []).append(
            NumberDataPoint(attributes, _UNKNOWN_START, nanoseconds, _number(value))
        )
    scope = ScopeMetrics(
        InstrumentationScope("podprobe", __version__), [_metric(name, points[name]) for name in points], ""
    )
    return MetricsData([ResourceMetrics(_resource(target), [scope], "")])


def _number(value: float) -> int | float:
    """A whole number as one, where OTLP's 64 bits with a sign hold it: the kernel's usual `shmmax` is beyond that."""
    return int(value) if value.is_integer() and -_INTEGERS <= value < _INTEGERS else value


def _metric(name: str, points: list[NumberDataPoint]) -> Metric:
    metric = METRICS[name]
    own, unit = opentelemetry_name(name)
    data = (
        Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        if metric.kind == "counter"
        else Gauge(points)
    )
    return Metric(own, metric.help, unit, data)


def _resource(target: Target) -> Resource:
    """The Pod, in the words of OpenTelemetry's semantic conventions."""
    said = {
        "service.name": "podprobe",
        "service.version": __version__,
        "k8s.namespace.name": target.namespace,
        "k8s.pod.name": target.pod,
        "k8s.pod.uid": target.uid,
        "k8s.node.name": target.node,
    }
    return Resource({name: neutral(value) for name, value in said.items() if value})
