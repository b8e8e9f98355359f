"""Captures of real loss in a namespace of their own: podprobe.packets against the kernel and against tshark."""

from __future__ import annotations

import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.packets.__main__ import analyse
from tests.support.loopback import Loopback, available

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.model.capture import Capture

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif((why := available("tcpdump", "tshark")) is not None, reason=str(why)),
]

MARKS = (
    "retransmission",
    "spurious_retransmission",
    "out_of_order",
    "duplicate_ack",
    "zero_window",
    "keep_alive",
    "zero_window_probe",
    "lost_segment",
)


def tshark(path: Path) -> tuple[Counter[str], dict[str, float]]:
    """Packets by tcp.analysis.* mark, and the handshake's duration in seconds by client port."""
    fields = [
        *(f"tcp.analysis.{mark}" for mark in MARKS),
        "tcp.analysis.initial_rtt",
        "tcp.flags.reset",
        "tcp.srcport",
    ]
    said = subprocess.run(
        [
            "tshark",
            "-n",
            "-r",
            str(path),
            "-T",
            "fields",
            "-E",
            "separator=|",
            *(f"-e{field}" for field in fields),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counts: Counter[str] = Counter()
    handshakes: dict[str, float] = {}
    for line in said.splitlines():
        *marks, handshake, reset, port = line.split("|")
        counts.update(mark for mark, value in zip(MARKS, marks, strict=True) if value)
        counts["reset"] += reset in ("1", "True")
        if handshake:
            handshakes.setdefault(port, float(handshake))
    return counts, handshakes


def play(path: Path, **plan: Any) -> tuple[Capture, Loopback]:
    with Loopback(capture=str(path), **plan) as loopback, path.open("rb") as stream:
        return analyse(stream), loopback


@pytest.mark.parametrize(
    "plan",
    [
        {"scenario": "bulk", "connections": 2, "loss": 0.05, "amount": 2_000_000, "mss": 1448, "close": True},
        {"scenario": "stream", "connections": 2, "loss": 0.05, "amount": 1400, "mss": 1448},
        {"scenario": "calls", "connections": 3, "loss": 0.05, "amount": 500},
        {"scenario": "calls", "connections": 2, "loss": 0.1, "amount": 300, "ipv6": True},
        {"scenario": "stalls", "amount": 300_000},
        {"scenario": "resets", "connections": 3},
        {"scenario": "idles", "connections": 2},
    ],
    ids=lambda plan: f"{plan['scenario']}{'-v6' if plan.get('ipv6') else ''}",
)
def test_counts_are_the_kernels_and_tsharks(tmp_path: Path, plan: dict[str, Any]) -> None:
    path = tmp_path / "loopback.pcap"
    capture, kernel = play(path, **plan)
    ours, (theirs, handshakes) = capture.totals, tshark(path)

    # The kernel, per flow and in all: exact, because the capture sees what the receiver drops.
    assert ours.retransmitted_segments == kernel.retransmitted_segments
    if not plan.get("close"):
        for flow in capture.flows:
            if flow.client in kernel.flows:
                client, server = kernel.flows[flow.client]
                assert flow.from_client.retransmitted_segments >= client
                assert flow.from_server.retransmitted_segments >= server

    # tshark. What it calls out of order because it came within a round trip, though the capture had seen the very
    # bytes before, is a retransmission here (and in the kernel's count, above): the two together agree.
    assert ours.retransmits + ours.out_of_order == theirs["retransmission"] + theirs["out_of_order"]
    assert ours.out_of_order <= ours.gaps
    assert ours.spurious_retransmits == theirs["spurious_retransmission"]
    assert ours.duplicate_acks == theirs["duplicate_ack"]
    assert ours.zero_windows == theirs["zero_window"]
    assert ours.keep_alives + ours.window_probes == theirs["keep_alive"] + theirs["zero_window_probe"]
    assert ours.gaps == theirs["lost_segment"]
    assert ours.resets == theirs["reset"]
    for flow in capture.flows:
        port = flow.client.rpartition(":")[2]
        if flow.handshake_us is not None and port in handshakes:
            assert flow.handshake_us == pytest.approx(handshakes[port] * 1e6, abs=1)


@pytest.mark.parametrize(
    "plan",
    [
        {"scenario": "stream", "connections": 2, "loss": 0.08, "amount": 1400, "mss": 1448, "apart": True},
        {"scenario": "calls", "connections": 3, "loss": 0.08, "amount": 500},
        {"scenario": "calls", "connections": 3, "loss": 0.08, "amount": 500, "sack": False},
    ],
    ids=["fast", "probes", "timer"],
)
def test_why_segments_were_sent_again_is_what_the_kernel_counted(
    tmp_path: Path, plan: dict[str, Any]
) -> None:
    """No packet is larger than a segment here, so that packets and the kernel's segments are the same."""
    capture, kernel = play(tmp_path / "why.pcap", **plan)
    ours, why = capture.totals, kernel.causes
    assert ours.retransmits == ours.retransmitted_segments > 5
    # On a busy machine the capture has packets in another order than they were sent in.
    assert abs(ours.retransmits - kernel.retransmitted_segments) <= ours.gaps
    # A few are not where the kernel counts them: it may end its recovery from a timeout early (F-RTO). And what had
    # been acknowledged by a packet that the receiver then dropped is spurious by the capture, whatever the kernel says.
    for mine, its in (
        (ours.fast_retransmits, why["TCPFastRetrans"]),
        (ours.timeout_retransmits, why["TCPTimeouts"]),
        (ours.probe_retransmits, why["TCPLossProbes"]),
        (ours.other_retransmits, why["TCPSlowStartRetrans"]),
    ):
        assert abs(mine - its) <= ours.spurious_retransmits + max(3, its // 20)
    main = {"fast": "TCPFastRetrans", "probes": "TCPLossProbes", "timer": "TCPTimeouts"}
    kind = "fast" if plan["scenario"] == "stream" else "probes" if plan.get("sack", True) else "timer"
    assert why[main[kind]] > 5, "the kernel did something else: this test would show nothing"


def test_lost_something() -> None:
    """The scenario does lose segments: else everything above would agree on zero."""
    with Loopback(scenario="calls", connections=3, loss=0.1, amount=500) as loopback:
        assert loopback.retransmitted_segments > 5


def test_single_bytes_sent_again_are_keep_alives_to_tshark(tmp_path: Path) -> None:
    """Why podprobe goes its own way here: the kernel's count is its own, tshark's is none at all."""
    path = tmp_path / "bytes.pcap"
    capture, kernel = play(path, scenario="calls", connections=2, loss=0.1, amount=1)
    theirs, _ = tshark(path)
    assert kernel.retransmitted_segments > 0
    assert capture.totals.retransmitted_segments == kernel.retransmitted_segments
    assert capture.totals.keep_alives == 0
    assert theirs["keep_alive"] > 0
