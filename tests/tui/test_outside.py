"""Names, probes and starts in the live view: shown, found by `/`, and with their details."""

from __future__ import annotations

import pytest

from podprobe.model import Service
from podprobe.tui.screens.details import DetailsScreen
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import healthy_pod, resolver, troubled_pod
from tests.tui.support import app_with, replace, settled


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("example.com", ("lookup example.com A", "192.0.2.80", "resolv.conf", "10.96.0.10")),
        ("resolv.conf", ("name resolution of nginx, webapp, worker", "shop.svc.cluster.local", "ndots")),
        ("start order worker", ("start of worker", "restarts")),
        ("probe nginx live", ("refused", "count 12", "connection refused")),
    ],
)
async def test_details(words: str, expected: tuple[str, ...]) -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        keys = ["space" if letter == " " else letter for letter in words]
        await pilot.press("8", "slash", *keys, "enter", "enter")
        assert isinstance(app.screen, DetailsScreen)
        text = app.screen.query_one("#details", Sheet).text
        for part in expected:
            assert part in text


async def _count(pod: object, words: str) -> int:
    app = app_with([pod])  # type: ignore[list-item]
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *words, "enter")
        return app.screen.query_one("#outside", Grid).count


async def test_a_name_without_aaaa_takes_one_line_and_one_that_fails_two() -> None:
    nothing = await _count(healthy_pod(), "xyzzy")
    well = await _count(healthy_pod(), "kubernetes")
    found, _, *_ = resolver().lookups
    failed = replace(found, outcome="timeout", addresses=())
    pod = replace(healthy_pod(), dns=(resolver(lookups=(failed, replace(failed, type="AAAA"))),))
    assert await _count(pod, "kubernetes") - nothing == 2 * (well - nothing) == 2


async def test_a_service_without_ports_is_shown() -> None:
    alias = Service(name="alias", type="ExternalName")
    pod = replace(healthy_pod(), services=(alias,))
    assert await _count(pod, "alias") > await _count(pod, "xyzzy")
