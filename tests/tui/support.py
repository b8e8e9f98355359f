"""Sources and snapshots for the live view's tests. Everything is frozen: the clock, the times, the trends."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from podprobe.errors import AgentError
from podprobe.model import Snapshot, Target, Tool
from podprobe.tui.app import PodprobeApp
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.sources import Looked
from tests.support.samples import healthy_pod, large_pod, troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from textual.pilot import Pilot

    from podprobe.agents.client import Agent
    from podprobe.targets.base import Progress
    from podprobe.tui.sources import Report

replace = msgspec.structs.replace


def empty_pod() -> Snapshot:
    """Nothing is known but a name."""
    return Snapshot(
        tool=Tool(version="1"),
        taken_at="2026-03-01T03:12:00Z",
        duration_ms=1.0,
        target=Target(kind="pod", namespace="shop", pod="empty"),
    )


def series(snapshot: Snapshot, looks: int = 40) -> list[Snapshot]:
    """The same Pod at so many looks, a second apart, with everything that has a trend in motion."""
    return [_at(snapshot, number, looks) for number in range(looks)]


def _at(snapshot: Snapshot, number: int, looks: int) -> Snapshot:
    # A saw tooth that ends at the snapshot's own values.
    late = (number + 1) / looks
    wave = 0.6 + 0.4 * late - (0.15 if number % 5 == 2 and number < looks - 1 else 0)
    taken = datetime.fromisoformat(snapshot.taken_at) - timedelta(seconds=looks - 1 - number)
    containers = tuple(
        one
        if one.cgroup is None
        else replace(
            one,
            cgroup=replace(
                one.cgroup,
                cpu_seconds=40 + number * 0.1 + (number % 4) * 0.03,
                memory_bytes=int((one.cgroup.memory_bytes or 0) * wave),
                memory_working_set_bytes=int((one.cgroup.memory_working_set_bytes or 0) * wave),
            ),
        )
        for one in snapshot.containers
    )
    flows = tuple(
        replace(
            one,
            rtt_us=None if one.rtt_us is None else int(one.rtt_us * (0.4 + 0.6 * wave)),
            retransmit_ratio=None
            if one.retransmit_ratio is None
            else one.retransmit_ratio * max(0.0, late * 2 - 1),
        )
        for one in snapshot.network.flows
    )
    latency = tuple(
        replace(one, p99_us=None if one.p99_us is None else one.p99_us * wave) for one in snapshot.latency
    )
    volumes = tuple(
        one
        if one.usage is None
        else replace(one, usage=replace(one.usage, bytes=int(one.usage.bytes * wave)))
        for one in snapshot.volumes
    )
    return replace(
        snapshot,
        taken_at=taken.isoformat().replace("+00:00", "Z"),
        containers=containers,
        network=replace(snapshot.network, flows=flows),
        latency=latency,
        volumes=volumes,
    )


class Feed:
    """A source that reports what a test puts in."""

    live = True
    interval = 1.0

    def __init__(self, reports: Sequence[Report], label: str = "shop/web") -> None:
        self.label = label
        self.reports = list(reports)
        self.paused: list[bool] = []
        self.sought: list[int] = []
        self.sought_to: list[int] = []
        self.closed = threading.Event()
        self.done = threading.Event()
        self._report: Callable[[Report], None] | None = None

    def run(self, report: Callable[[Report], None]) -> None:
        for one in self.reports:
            report(one)
        self._report = report
        self.done.set()
        self.closed.wait()

    def put(self, report: Report) -> None:
        assert self._report is not None
        self._report(report)

    def put_now(self, snapshot: Snapshot) -> None:
        self.put(Looked(snapshot))

    may_add_capturer = False

    def capturer(self) -> Agent:
        raise AgentError("no agent in shop/web may capture packets", "ask for one: --profile netraw")

    def add_capturer(self, progress: Callable[[Progress], None]) -> Agent:
        return self.capturer()

    def pause(self, paused: bool) -> None:
        self.paused.append(paused)

    def seek(self, by: int) -> None:
        self.sought.append(by)

    def seek_to(self, position: int) -> None:
        self.sought_to.append(position)

    def close(self) -> None:
        self.closed.set()


def frozen() -> float:
    return 1000.0


def app_with(
    snapshots: Sequence[Snapshot] | Feed, *, theme: str = "podprobe-dark", directory: Path | None = None
) -> PodprobeApp:
    """The application on snapshots that are all there already."""
    feed = snapshots if isinstance(snapshots, Feed) else Feed([Looked(one) for one in snapshots])
    return PodprobeApp(
        feed, theme=theme, directory=directory, clock=frozen, today=lambda: "2026-03-01T03:12:00Z"
    )


SAMPLES: dict[str, Callable[[], list[Snapshot]]] = {
    "healthy": lambda: series(healthy_pod()),
    "troubled": lambda: series(troubled_pod()),
    "large": lambda: [large_pod()],
    "empty": lambda: [empty_pod()],
}


async def settled(pilot: Pilot[None]) -> None:
    """Wait until everything that was reported is on the screen."""
    feed = pilot.app.source
    for _ in range(500):
        await pilot.pause(0.01)
        if not isinstance(feed, Feed) or feed.done.is_set():
            break
    await pilot.pause()
    for screen in pilot.app.screen_stack:
        if isinstance(screen, PodScreen):
            screen.paint()
    await pilot.pause()
