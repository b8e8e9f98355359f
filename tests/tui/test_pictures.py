"""Pictures of every screen in three sizes, and in two themes.

After a change that is meant: `pytest tests/tui/test_pictures.py --snapshot-update`, and look at what changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.errors import AgentError
from podprobe.model import to_json
from podprobe.targets.base import Progress
from podprobe.tui.app import Choice, PodprobeApp
from podprobe.tui.screens.picker import Listing
from podprobe.tui.sources import Failed, Looked, Moved, Progressed, Surveyed, Timeline
from podprobe.tui.sources.survey import Survey
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import healthy_pod, troubled_pod
from tests.tui.support import Feed, app_with, empty_pod, frozen, replace, series, settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

SIZES = {"80x24": (80, 24), "120x36": (120, 36), "180x50": (180, 50)}

FINDING = ("finding", "TCP101", "nginx → webapp 127.0.0.1:5000")


@dataclass(frozen=True)
class FoundPod:
    namespace: str
    name: str
    phase: str | None = "Running"
    ready: bool = True
    node: str | None = "node-3"
    created_at: str | None = "2026-03-01T02:57:55Z"
    owner: str | None = "ReplicaSet/shop-7d9f5c6b8"
    containers: int = 3
    ready_containers: int = 3
    restarts: int = 0
    reason: str | None = None


PODS = [
    FoundPod("shop", "shop-7d9f5c6b8-x2x4p"),
    FoundPod(
        "shop", "shop-7d9f5c6b8-zz9q1", ready=False, ready_containers=2, restarts=7, reason="CrashLoopBackOff"
    ),
    FoundPod("shop", "shop-7d9f5c6b8-k4m2p", ready=False, ready_containers=2),
    FoundPod("shop", "migrate-28", "Succeeded", ready=False, owner="Job/migrate-28"),
    FoundPod("shop", "cart-0", "Pending", ready=False, node=None, owner="StatefulSet/cart"),
    FoundPod("shop", "broken-5d", "Failed", ready=False, created_at="2026-02-20T00:00:00Z"),
]


def troubled() -> Feed:
    return Feed([Looked(one) for one in series(troubled_pod())])


def declared() -> Feed:
    pod = healthy_pod()
    containers = tuple(replace(one, processes=None, cgroup=None, agent=False) for one in pod.containers)
    known = replace(
        pod, containers=containers, network=type(pod.network)(), latency=(), volumes=(), ipc=type(pod.ipc)()
    )
    return Feed(
        [
            Looked(known, declared=True),
            Progressed(Progress("pulling docker.io/library/python:3-slim", "nginx")),
            Progressed(Progress("agent answers", "webapp", 1, 2)),
        ]
    )


def lost() -> Feed:
    pods = series(troubled_pod())
    crashed = replace(pods[-1].containers[1], restarts=3, agent=False)
    after = replace(pods[-1], containers=(pods[-1].containers[0], crashed, *pods[-1].containers[2:]))
    error = AgentError(
        "the agent in webapp did not answer within 15 s", "podprobe doctor says what is missing"
    )
    return Feed([*(Looked(one) for one in pods), Looked(after), Failed(error, 5.0)])


def recorded() -> Feed:
    """The second of six snapshots, of which the third was well."""
    pods = series(troubled_pod())
    feed = Feed([
        Moved(pods[-1], tuple(pods[:-1]), Timeline(1, 6), step=False),
        Surveyed(Survey(("critical", "critical", "ok", "warning", "warning", "critical"), (2, 3, 5))),
    ])  # fmt: skip
    feed.live = False
    return feed


SCREENS: dict[str, tuple[Callable[[], Feed], list[str]]] = {
    "map": (troubled, []),
    "ports": (troubled, ["2"]),
    "flows": (troubled, ["3", "down", "space"]),
    "ipc": (troubled, ["4"]),
    "volumes": (troubled, ["5"]),
    "latency": (troubled, ["6"]),
    "processes": (troubled, ["7"]),
    "outside": (troubled, ["8"]),
    "finding": (troubled, ["f", "down", "enter"]),
    "volume": (troubled, ["5", "enter"]),
    "unseen": (troubled, ["v"]),
    "keys": (troubled, ["question_mark"]),
    "filtered": (troubled, ["2", "slash", "w", "e", "b", "enter"]),
    "one-container": (troubled, ["c"]),
    "healthy": (lambda: Feed([Looked(one) for one in series(healthy_pod())]), []),
    "empty": (lambda: Feed([Looked(empty_pod())]), []),
    "starting": (declared, []),
    "lost": (lost, []),
    "recording": (recorded, []),
    "jump": (troubled, ["o"]),
}


def drive(keys: list[str]) -> Callable[[Pilot[None]], Any]:
    async def run(pilot: Pilot[None]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await settled(pilot)

    return run


@pytest.mark.parametrize(("size", "theme"), [(size, theme) for size in SIZES for theme in ("dark", "light")])
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(snap_compare: Any, screen: str, size: str, theme: str) -> None:
    source, keys = SCREENS[screen]
    app = app_with(source(), theme=f"podprobe-{theme}")
    assert snap_compare(app, terminal_size=SIZES[size], run_before=drive(keys))


@pytest.mark.parametrize("screen", ["map", "flows", "finding"])
def test_sixteen_colours(snap_compare: Any, screen: str) -> None:
    source, keys = SCREENS[screen]
    assert snap_compare(
        app_with(source(), theme="podprobe-16"), terminal_size=SIZES["120x36"], run_before=drive(keys)
    )


@pytest.mark.parametrize("size", SIZES)
def test_picker(snap_compare: Any, size: str) -> None:
    choice = Choice(
        lambda _: Listing("namespace shop, context prod-eu", PODS), lambda _namespace, _name: troubled()
    )
    app = PodprobeApp(
        choice=choice, theme="podprobe-dark", clock=frozen, today=lambda: "2026-03-01T03:12:00Z"
    )

    async def filtered(pilot: Pilot[None]) -> None:
        await pilot.pause(0.1)
        await pilot.press("s", "h", "o", "p", "-", "7")
        await pilot.pause()

    assert snap_compare(app, terminal_size=SIZES[size], run_before=filtered)


@pytest.mark.parametrize("size", SIZES)
def test_compared(snap_compare: Any, size: str, tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text(to_json(healthy_pod()))
    app = app_with(troubled(), directory=tmp_path)

    async def compare(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("d", "enter")
        await pilot.pause()
        assert pilot.app.screen.query_one("#differences", Sheet).text

    assert snap_compare(app, terminal_size=SIZES[size], run_before=compare)
