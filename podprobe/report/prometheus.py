"""`-o prometheus`: the text exposition format, for a node exporter's textfile directory or a push gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from podprobe.report.metrics import METRICS
from podprobe.report.neutral import neutral
from podprobe.report.samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from podprobe.model import Snapshot
    from podprobe.report import Look, Missed

PREFIX = "podprobe_"


class Metrics(Collector):
    """The last look at each Pod, as metric families. Thread-safe: what is scraped is replaced whole."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], dict[tuple[str, tuple[str, ...]], float]] = {}

    def add(self, snapshot: Snapshot) -> None:
        """Take a Pod's new look in place of its last."""
        target = snapshot.target
        pod = (neutral(target.namespace or ""), neutral(target.pod))
        # Two labels that only differ behind the cut would be one series twice, which Prometheus refuses whole.
        self._pods[pod] = {(name, labels): value for name, labels, value in samples(snapshot)}

    def failed(self, namespace: str | None, pod: str) -> None:
        """A Pod could not be looked at. Its old numbers go: they are no longer true."""
        self._pods[neutral(namespace or ""), neutral(pod)] = {("up", ()): 0.0}

    def forget(self, namespace: str | None, pod: str) -> None:
        """A Pod is looked at no longer."""
        self._pods.pop((neutral(namespace or ""), neutral(pod)), None)

    def collect(self) -> Iterator[Family]:
        """All families that have a sample."""
        pods = list(self._pods.items())
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for name, metric in METRICS.items():
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            families[name] = kind(PREFIX + name, metric.help, labels=metric.labels)
        for pod, values in pods:
            for (name, labels), value in values.items():
                families[name].add_metric([*pod, *labels], value)
        return (family for family in families.values() if family.samples)

    def text(self) -> str:
        """The exposition."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry).decode()


class _Exposition:
    def __init__(self) -> None:
        self._metrics = Metrics()

    def add(self, snapshot: Snapshot) -> str:
        self._metrics.add(snapshot)
        return ""

    def failed(self, missed: Missed) -> str:
        self._metrics.failed(missed.namespace, missed.pod)
        return ""

    def end(self) -> str:
        return self._metrics.text()


def make(look: Look) -> _Exposition:  # noqa: ARG001
    """See `podprobe.report.renderer`."""
    return _Exposition()
