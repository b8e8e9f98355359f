"""The sample snapshots are what they claim to be, and survive JSON."""

import pytest

from podprobe.model import Snapshot, from_json, to_json
from tests.support.samples import healthy_pod, large_pod, troubled_pod


@pytest.mark.parametrize(
    "pod", [healthy_pod(), troubled_pod(), large_pod(500)], ids=["healthy", "troubled", "large"]
)
def test_round_trip(pod: Snapshot) -> None:
    assert from_json(to_json(pod)) == pod


def test_large_has_as_many_connections_as_asked() -> None:
    pod = large_pod(1_001)
    assert len(pod.network.connections) == pod.network.connection_count == 1_001


def test_histograms_count_every_success() -> None:
    for measured in troubled_pod().latency:
        assert measured.histogram is not None
        assert sum(measured.histogram.counts.values()) == measured.count - measured.failures
