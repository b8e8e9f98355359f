"""A capture that is looked at while it is made, on real packets: what it says meanwhile, and that it ends well."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from podprobe.capturing.live import LiveCapture
from podprobe.errors import AgentError
from podprobe.packets.__main__ import analyse
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from tests.support.loopback import Loopback, available

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podprobe.capturing.live import Progress

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif((why := available()) is not None, reason=str(why)),
    pytest.mark.skipif(os.geteuid() != 0, reason="an agent has NET_RAW in this namespace only for root"),
]


@contextmanager
def capturing(pid: int, **options: int) -> Iterator[LiveCapture]:
    with Session(open_local(pid), SessionOptions(active=False)) as session:
        with pytest.raises(AgentError, match="yet"):
            session.capturer()
        session.look()
        capture = LiveCapture(session.capturer(), "lo", **options)
        try:
            capture.start()
            yield capture
        finally:
            capture.close()


def until(capture: LiveCapture, wanted: Callable[[Progress], object], seconds: float = 30) -> Progress:
    deadline = time.monotonic() + seconds
    while not wanted(progress := capture.progress):
        assert time.monotonic() < deadline, progress
        assert progress.error is None, progress
        time.sleep(0.05)
    return progress


def test_it_tells_the_flows_meanwhile_and_counts_what_the_kernel_counted(tmp_path: Path) -> None:
    with (
        Loopback(scenario="calls", connections=3, loss=0.05, amount=400) as loopback,
        capturing(loopback.pid) as capture,
    ):
        until(capture, lambda now: now.phase == "capturing")
        loopback.again()
        early = until(capture, lambda now: now.flows and now.flows.totals.retransmitted_segments)
        assert early.phase == "capturing"
        assert early.flows is not None
        assert early.flows.flow_count == 3
        sent_again = loopback.retransmitted_segments
        loopback.again()
        sent_again += loopback.retransmitted_segments
        capture.stop()
        late = until(capture, lambda now: now.phase == "ended")
        file = tmp_path / "saved.pcap"
        assert capture.save(file) == late.bytes
    assert late.flows is not None
    assert late.flows.totals.retransmitted_segments == sent_again > 0
    assert (late.packets, late.dropped, late.behind_bytes) == (late.flows.packets, 0, 0)
    with file.open("rb") as stream:
        assert analyse(stream).totals == late.flows.totals


def test_a_few_packets_are_told_at_once() -> None:
    """They are less than what Python gathers before it writes."""
    with (
        Loopback(scenario="bulk", connections=1, amount=1000) as loopback,
        capturing(loopback.pid) as capture,
    ):
        until(capture, lambda now: now.phase == "capturing")
        loopback.again()
        told = until(capture, lambda now: now.flows and now.flows.packets)
        assert 0 < told.bytes < 8192


def test_a_full_spool_ends_it(tmp_path: Path) -> None:
    with (
        Loopback(scenario="calls", connections=1, amount=100) as loopback,
        capturing(loopback.pid, spool_bytes=10_000) as capture,
    ):
        until(capture, lambda now: now.phase == "capturing")
        loopback.again()
        ended = until(capture, lambda now: now.phase == "ended")
        assert ended.full
        # What was under way when it was stopped still comes: the kernel's ring, not more.
        assert 10_000 <= ended.bytes < 5_000_000
        assert capture.save(tmp_path / "some.pcap") == ended.bytes
    assert ended.flows is not None
    assert ended.flows.cut_short is None


def test_nothing_is_left_of_it() -> None:
    me = psutil.Process()
    with Loopback(scenario="holds", settle=0) as loopback, capturing(loopback.pid) as capture:
        until(capture, lambda now: now.phase == "capturing")
        children, files = set(me.children()), me.num_fds()
        other = LiveCapture(capture._agent, "lo")
        other.start()
        until(other, lambda now: now.phase == "capturing")
        deadline = time.monotonic() + 10
        while not set(me.children()) - children:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        other.close()
        while set(me.children()) - children or me.num_fds() > files:
            assert time.monotonic() < deadline + 10
            time.sleep(0.05)


def test_an_agent_that_goes_away_ends_it_and_the_packets_are_kept(tmp_path: Path) -> None:
    with (
        Loopback(scenario="calls", connections=1, amount=100) as loopback,
        capturing(loopback.pid) as capture,
    ):
        until(capture, lambda now: now.phase == "capturing")
        loopback.again()
        until(capture, lambda now: now.flows and now.flows.packets)
        capture._agent.close()
        deadline = time.monotonic() + 20
        while capture.progress.phase != "ended" and time.monotonic() < deadline:
            time.sleep(0.05)
        progress = capture.progress
        assert isinstance(progress.error, AgentError)
        assert progress.flows is not None
        assert progress.flows.packets
        assert capture.save(tmp_path / "kept.pcap") == progress.bytes > 0
