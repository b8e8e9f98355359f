"""Paths through proxies and the mesh in the live view: on the map, outside, and in detail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from podprobe.model import ProxyAdmin, Upstream
from podprobe.tui.drawing import length
from podprobe.tui.screens.details import DetailsScreen
from podprobe.tui.views import paths
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import healthy_pod
from tests.tui.support import app_with, settled
from tests.unit.analysis.proxies.recorded import judged, recorded

if TYPE_CHECKING:
    from podprobe.model import Path, Snapshot


def _text(path: Path, width: int = 120) -> str:
    return "".join(piece.text for piece in paths.line(path, width))


def test_a_line_says_the_way_and_how_long_each_leg_is() -> None:
    found = {path.proxies: _text(path) for path in judged(recorded("proxied")).paths}
    assert found["nginx",].startswith("outside ─▶ Service web:81 ─▶ ● nginx :80 ")
    assert found["nginx",].endswith(" ─▶ app app.sock")
    assert "app :5000" in found["haproxy",]
    assert len(re.findall(r"\d [µm]s", found["haproxy",])) == 2, "a round-trip time for each leg"


def test_a_line_shows_loss_and_doubt_and_stays_in_its_width() -> None:
    path = next(each for each in judged(recorded("proxied")).paths if each.proxies == ("haproxy",))
    lossy = replace(path.legs[1], segments_out=1_000, retransmits=50, retransmit_ratio=0.05, health="broken")
    path = replace(path, legs=(path.legs[0], lossy), certain=False)
    assert "✖ app :5000" in _text(path)
    assert "retrans 5 %" in _text(path)
    assert _text(path).endswith(" ?")
    assert length(paths.line(path, 40)) <= 40


async def _rows(pod: Snapshot, words: str) -> int:
    app = app_with([pod])
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *words, "enter")
        return app.screen.query_one("#outside", Grid).count


async def test_rows_only_where_there_are_proxies() -> None:
    nothing = await _rows(healthy_pod(), "xyzzy")
    assert await _rows(healthy_pod(), "path outside") == nothing
    assert await _rows(judged(recorded("proxied")), "path outside") > nothing


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "path outside",
            ["outside, by Service meshed:80", "istio-proxy", "Adds at least", "podprobe latency"],
        ),
        ("bypass plain", ["port 9000 is left out", "excluded outbound ports", "The annotation"]),
    ],
)
async def test_details(words: str, said: list[str]) -> None:
    app = app_with([judged(recorded("meshed"))])
    async with app.run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *words, "enter", "enter")
        assert isinstance(app.screen, DetailsScreen)
        text = app.screen.query_one("#details", Sheet).text
        for each in said:
            assert each in text


async def test_an_upstream_without_a_healthy_host() -> None:
    pod = judged(recorded("proxied"))
    gone = Upstream(
        name="shop \x1b[31m", hosts=2, healthy_hosts=0, unhealthy=("10.0.0.9:80: failed",), connect_failures=7
    )
    admin = ProxyAdmin(address="127.0.0.1:9901", version="1.40.0", upstreams=(gone,), upstream_count=1)
    proxies = tuple(replace(each, admin=admin) if each.container == "envoy" else each for each in pod.proxies)
    app = app_with([replace(pod, proxies=proxies)])
    async with app.run_test(size=(120, 60)) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *"upstream shop", "enter", "enter")
        text = app.screen.query_one("#details", Sheet).text
        assert "of envoy" in text
        assert "10.0.0.9:80: failed" in text
        assert "\x1b" not in text
