"""Packets in the live view: refused with a way out, or captured for real while one looks."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from podprobe.errors import AccessError
from podprobe.packets.__main__ import analyse
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from podprobe.tui.app import PodprobeApp
from podprobe.tui.capture.details import FlowScreen
from podprobe.tui.capture.flows import identity
from podprobe.tui.capture.screen import CaptureScreen
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.sources import LiveSource, Looked
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.sheet import Sheet
from tests.support.loopback import Loopback, available
from tests.support.samples import troubled_pod
from tests.tui.support import Feed, app_with, settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from podprobe.agents.client import Agent
    from podprobe.targets.base import Progress


def status(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one("#capture-status", Sheet).text


async def until(pilot: Pilot[None], wanted: Callable[[], object], seconds: float = 40) -> None:
    for _ in range(int(seconds / 0.1)):
        if wanted():
            return
        await asyncio.sleep(0.1)
        await pilot.pause()
    raise AssertionError(status(pilot))


async def test_without_net_raw_it_says_so_and_points_at_what_there_is() -> None:
    async with app_with([troubled_pod()]).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("x")
        assert isinstance(pilot.app.screen, CaptureScreen)
        said = " ".join(status(pilot).split())
        assert "no agent in shop/web may capture packets" in said
        assert "--profile netraw" in said
        assert "3 Flows and 6 Latency show what the kernel itself counts" in said
        assert "start" not in said
        await pilot.press("x", "n", "w", "enter", "i", "slash", "escape", "escape")
        assert isinstance(pilot.app.screen, PodScreen)


async def test_an_agent_with_net_raw_is_added_only_when_asked_for_and_a_refusal_is_told() -> None:
    class Guarded(Feed):
        may_add_capturer = True
        asked = 0

        def add_capturer(self, progress: Callable[[Progress], None]) -> Agent:
            self.asked += 1
            raise AccessError(
                'violates PodSecurity "baseline:latest": non-default capabilities', "see doctor"
            )

    feed = Guarded([Looked(troubled_pod())])
    async with app_with(feed).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("x", "x")
        assert feed.asked == 0
        assert "one more ephemeral container, with NET_RAW" in " ".join(status(pilot).split())
        await pilot.press("n")
        await until(pilot, lambda: "violates PodSecurity" in status(pilot))
        assert feed.asked == 1
        assert "see doctor" in status(pilot)


@pytest.mark.namespaces
@pytest.mark.skipif((why := available()) is not None, reason=str(why))
@pytest.mark.skipif(os.geteuid() != 0, reason="an agent has NET_RAW in this namespace only for root")
@pytest.mark.timeout(300)
async def test_packets_of_a_pod_their_flows_and_a_file_of_them(tmp_path: Path) -> None:
    with Loopback(scenario="calls", connections=3, loss=0.1, amount=300) as loopback:
        source = LiveSource(
            "local",
            lambda progress: Session(open_local(loopback.pid), SessionOptions(active=False), progress),
        )
        app = PodprobeApp(source, directory=tmp_path)
        async with app.run_test(size=(120, 36)) as pilot:
            pod = pilot.app.screen
            assert isinstance(pod, PodScreen)
            for _ in range(300):
                await asyncio.sleep(0.1)
                if pod.state is not None and not pod.state.declared:
                    break
            await pilot.press("x")
            assert "holds NET_RAW" in status(pilot)
            await pilot.press("slash", *"udp or", "enter")
            assert any("udp or" in str(one.message) for one in app._notifications)
            await pilot.press("ctrl+u", *"tcp port 5000", "enter", "enter")
            await until(pilot, lambda: "capturing" in status(pilot))
            assert "filter tcp port 5000" in status(pilot)
            await asyncio.to_thread(loopback.again)
            grid = pilot.app.screen.query_one("#captured", Grid)
            await until(pilot, lambda: grid.count == 3)
            await pilot.press("escape")
            assert pilot.app.screen is pod
            await asyncio.to_thread(loopback.again)
            await asyncio.sleep(2)
            assert "packets" in pod.query_one("#header", Sheet).text
            await pilot.press("x", "x")
            await until(pilot, lambda: "ended" in status(pilot))
            assert "0 dropped" in status(pilot)
            assert isinstance(pilot.app.screen, CaptureScreen)
            pilot.app.screen.paint()
            grid = pilot.app.screen.query_one("#captured", Grid)
            flows = [row.item for row in grid.rows if row.kind == "item"]
            await pilot.press("down")
            assert grid.pointed == identity(flows[1])
            await pilot.press("enter")
            assert isinstance(pilot.app.screen, FlowScreen)
            assert flows[1].client in pilot.app.screen.query_one("#captured-flow", Sheet).text
            await pilot.press("escape", "x")
            assert any("packets are not saved" in str(one.message) for one in app._notifications)
            assert "ended" in status(pilot)
            await pilot.press("escape", "q")
            assert app.return_code is None, "unsaved packets are not to be lost at one press"
            await pilot.press("x", "w")
            (file,) = tmp_path.glob("*-lo.pcap")
            with file.open("rb") as stream:
                saved = analyse(stream)
            assert saved.flow_count == 3
            assert sum(flow.from_client.packets + flow.from_server.packets for flow in flows) == saved.packets
            assert saved.totals.retransmitted_segments > 0
            await pilot.press("i")
            assert "x begins anew on" in status(pilot) or not pod.state.snapshot.network.interfaces[1:]  # type: ignore[union-attr]
            await pilot.press("escape", "q")
        assert app.return_code == 0
