"""Letters beside what is in sight."""

from __future__ import annotations

import pytest

from podprobe.tui.screens.details import DetailsScreen
from podprobe.tui.screens.jump import LETTERS, JumpScreen, Place, labelled
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.sources import Looked
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.painter import Painter
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import large_pod, troubled_pod
from tests.tui.support import Feed, app_with, replace, settled


@pytest.mark.parametrize("count", [0, 1, 26, 27, 51, 52, 300, 676, 2000])
def test_labels_are_short_and_none_begins_another(count: int) -> None:
    places = [Place(Painter(), number, 0, 0) for number in range(count)]
    labels = labelled(places)
    assert len(labels) == min(count, 676)
    assert all(len(name) <= (1 if count <= 26 else 2) for name in labels)
    assert not any(a != b and b.startswith(a) for a in labels for b in labels if len(a) == 1)
    assert [place.target for place in labels.values()] == list(range(len(labels)))


@pytest.mark.parametrize("number", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_letter_leads_there_from_anywhere(number: int, size: tuple[int, int]) -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(str(number), "o")
        screen = app.screen
        assert isinstance(screen, JumpScreen)
        regions = {place.painter.id for place in screen._labels.values()}
        assert "findings" in regions
        width, height = size
        assert all(0 <= place.x < width and 0 <= place.y < height for place in screen._labels.values())
        shown = [label.render_line(0).text for label in screen.query(".jump")]
        assert [text.strip() for text in shown] == list(screen._labels)
        name, place = next((n, p) for n, p in reversed(screen._labels.items()) if p.painter.id == "findings")
        await pilot.press(*name)
        assert isinstance(app.screen, PodScreen)
        assert app.focused is place.painter
        assert place.painter.pointed == place.target
        await pilot.press("enter")
        assert isinstance(app.screen, DetailsScreen)


async def test_any_other_key_takes_the_letters_off() -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        before = app.focused
        for key in ("escape", "1", "space", "down"):
            await pilot.press("o", key)
            assert isinstance(app.screen, PodScreen), key
            assert app.focused is before


async def test_in_a_long_table() -> None:
    app = app_with([large_pod()])
    async with app.run_test(size=(120, 50)) as pilot:
        await settled(pilot)
        await pilot.press("2", "end", "o")
        screen = app.screen
        assert isinstance(screen, JumpScreen)
        rows = [(name, place) for name, place in screen._labels.items() if isinstance(place.painter, Grid)]
        name, place = rows[0]
        assert set("".join(name for name, _ in rows)) <= set(LETTERS)
        await pilot.press(*name)
        assert place.painter.pointed == place.target


async def test_in_details() -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=(120, 50)) as pilot:
        await settled(pilot)
        await pilot.press("f", "enter", "o")
        assert isinstance(app.screen, JumpScreen)
        name, place = next(iter(app.screen._labels.items()))
        await pilot.press(*name)
        details = app.screen.query_one("#details", Sheet)
        assert details.pointed == place.target


async def test_the_picture_waits_while_the_letters_are_shown() -> None:
    pod = troubled_pod()
    feed = Feed([Looked(pod)])
    app = app_with(feed)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        under = app.screen
        assert isinstance(under, PodScreen)
        await pilot.press("2", "o")
        first, *rest = pod.containers
        feed.put(Looked(replace(pod, containers=(replace(first, restarts=first.restarts + 1), *rest))))
        await pilot.pause(0.5)
        assert not under.query_one("#banner").display
        await pilot.press("escape")
        await pilot.pause()
        assert under.query_one("#banner").display


async def test_the_map_begins_at_the_worst_channel_though_boxes_are_drawn_before() -> None:
    pod = troubled_pod()
    feed = Feed([Looked(replace(pod, channels=()), declared=True)])
    async with app_with(feed).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        feed.put(Looked(pod))
        await pilot.pause(0.3)
        await settled(pilot)
        pointed = pilot.app.screen.query_one("#map", Sheet).pointed
        assert isinstance(pointed, tuple)
        assert pointed[0] == "channel"
