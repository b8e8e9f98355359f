"""Recorded captures of real loss, against what the kernel counted while they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe.packets.__main__ import analyse

if TYPE_CHECKING:
    from podprobe.model.capture import Capture

DATA = Path(__file__).parents[2] / "data" / "packets"


def recorded(name: str) -> Capture:
    with (DATA / f"{name}.pcap").open("rb") as stream:
        return analyse(stream)


@pytest.mark.parametrize(
    ("name", "segments"), [("bulk", 134), ("bytes", 14), ("stalls", 6), ("resets", 0), ("idles", 0)]
)
def test_retransmitted_segments_are_the_kernels(name: str, segments: int) -> None:
    capture = recorded(name)
    assert capture.totals.retransmitted_segments == segments
    assert capture.malformed == 0
    assert capture.cut_short is None


def test_segmentation_offload_is_counted_in_segments() -> None:
    """Six packets were sent again, of up to 64 KiB each: 134 segments of 1,448 bytes less the timestamps."""
    by_client = {flow.client: flow.from_client for flow in recorded("bulk").flows}
    assert by_client["127.0.0.1:48896"].retransmitted_segments == 128
    assert by_client["127.0.0.1:48894"].retransmitted_segments == 6
    assert sum(side.retransmits for side in by_client.values()) == 6


def test_a_byte_sent_again_is_no_keep_alive() -> None:
    totals = recorded("bytes").totals
    assert totals.keep_alives == 0
    assert (totals.probe_retransmits, totals.spurious_retransmits, totals.retransmits) == (10, 4, 14)


def test_keep_alives() -> None:
    capture = recorded("idles")
    assert capture.totals.keep_alives == 6
    assert all(flow.idle_ratio is not None and flow.idle_ratio > 0.99 for flow in capture.flows)


def test_closed_windows() -> None:
    (flow,) = recorded("stalls").flows
    assert flow.server == "[::1]:5000"
    assert flow.from_server.zero_windows == 20
    assert flow.from_server.zero_window_us > 900_000
    assert flow.from_client.zero_windows == 0


def test_resets() -> None:
    capture = recorded("resets")
    assert capture.totals.resets == 4
    assert {flow.end for flow in capture.flows} == {"reset"}
    refused = next(flow for flow in capture.flows if flow.server == "127.0.0.1:5001")
    assert refused.handshake_us is None


def test_times() -> None:
    for flow in recorded("bulk").flows:
        assert flow.handshake_us is not None
        assert 0 < flow.handshake_us < 10_000
        side = flow.from_client
        assert side.rtt_samples > 0
        assert side.min_rtt_us is not None
        assert side.p50_rtt_us is not None
        assert side.p99_rtt_us is not None
        assert side.max_rtt_us is not None
        assert side.min_rtt_us <= side.p50_rtt_us <= side.p99_rtt_us <= side.max_rtt_us
        assert flow.end == "closed"
