"""NetworkPolicies in the live view: there where a Pod has them, and with all that they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.policies import reach
from podprobe.model import NetworkPolicy, PolicyPort, PolicyRule
from podprobe.tui.screens.details import DetailsScreen
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import healthy_pod
from tests.tui.support import app_with, replace, settled

if TYPE_CHECKING:
    from podprobe.model import Snapshot

FRIENDS = PolicyRule(
    ports=(PolicyPort(port=81, name="admin"),), peers=("Pods of this namespace with \x1b[31mapp=friend",)
)


def policed() -> Snapshot:
    pod = healthy_pod()
    policies = (
        NetworkPolicy(name="few", types=("ingress", "egress"), ingress=(FRIENDS,)),
        NetworkPolicy(name="later", types=("egress",), egress=(PolicyRule(),)),
    )
    pod = replace(pod, network_policies=policies)
    return replace(pod, reach=reach(pod))


async def _rows(pod: Snapshot, words: str) -> int:
    app = app_with([pod])
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *words, "enter")
        return app.screen.query_one("#outside", Grid).count


async def test_rows_only_where_there_are_policies() -> None:
    assert await _rows(healthy_pod(), "reach") == await _rows(healthy_pod(), "xyzzy")
    nothing = await _rows(policed(), "xyzzy")
    assert await _rows(policed(), "few") > nothing


async def test_details_of_a_port_and_of_a_policy() -> None:
    app = app_with([policed()])
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *"reach", "enter", "enter")
        assert isinstance(app.screen, DetailsScreen)
        text = app.screen.query_one("#details", Sheet).text
        assert "reach of port 80/tcp" in text
        assert "none" in text
        await pilot.press("escape", "escape", "slash", *"policy", "enter", "enter")
        text = app.screen.query_one("#details", Sheet).text
        assert "NetworkPolicy few" in text
        assert "app=friend at admin (81)" in text
        assert "\x1b" not in text
        assert "nowhere" in text
