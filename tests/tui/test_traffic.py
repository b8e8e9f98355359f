"""What passed between two looks, where one would look for it."""

from __future__ import annotations

from podprobe.tui import keys
from podprobe.tui.screens.details import DetailsScreen
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.sheet import Sheet
from tests.support.traffic import looks
from tests.tui.support import app_with, settled


async def test_shares_rates_and_containers_in_the_flows() -> None:
    async with app_with(looks()).run_test(size=(170, 40)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        screen = pilot.app.screen
        assert isinstance(screen, PodScreen)
        grid = screen.query_one("#flows", Grid)
        notes = [section.note for section in grid._sections]
        assert any("12 segments sent again in 2 s, 50 % by connections still there" in note for note in notes)
        shown = {section.title: [column.title for column in section.columns] for section in grid._sections}
        assert {"out", "in", "busy", "rwnd wait", "sndbuf wait", "again"} <= set(shown["By container"])
        scopes = {(row.item.container, row.item.scope) for row in grid.rows if hasattr(row.item, "sockets")}
        assert ("nginx", "loopback") in scopes
        await pilot.press("6")
        notes = [section.note for section in screen.query_one("#latency", Grid)._sections]
        assert any("50 % by connections still there" in note for note in notes)


async def test_details_of_a_flow_a_channel_and_a_container_tell_the_rates() -> None:
    pods = looks()
    (channel,) = (one for one in pods[1].channels if one.kind == "tcp" and one.via == "127.0.0.1:5000")
    flow = next(one for one in pods[1].network.flows if one.activity and one.activity.retransmits)
    container = pods[1].containers[0]
    async with app_with(pods).run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, PodScreen)
        for key in (keys.of_flow(flow), keys.of_channel(channel), keys.of_container(container)):
            screen.open(key)
            await pilot.pause()
            assert isinstance(pilot.app.screen, DetailsScreen)
            text = pilot.app.screen.query_one("#details", Sheet).text
            assert "Since the look before, 2 s" in text, key
            assert "waiting for the receiver" in text
            await pilot.press("escape")
