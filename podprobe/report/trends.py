"""What has changed over the looks of a recording, as small lines: round trips, retransmits, latency, fill levels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.report.neutral import neutral

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podprobe.model import Snapshot

    Reading = tuple[str, str, float | None]

MOST_TRENDS = 24
MOST_POINTS = 240
WIDTH, HEIGHT = 220.0, 40.0

_SHOWN: dict[str, Callable[[float], str]] = {
    "rtt": units.microseconds,
    "retransmits": units.ratio,
    "p99": units.microseconds,
    "memory": lambda value: units.size(round(value)),
    "throttled": units.ratio,
    "holds": lambda value: units.size(round(value)),
    "backlog": lambda value: units.number(round(value)),
    "used": lambda value: units.size(round(value)),
}


@dataclass(frozen=True)
class Trend:
    """One line, in pixels, and its values in words."""

    title: str
    kind: str
    path: str
    """An SVG path; interrupted where a value is absent."""
    last: str
    low: str
    high: str


def trends(snapshots: Iterable[Snapshot]) -> list[Trend]:
    """The trends of a recording. Snapshots are taken one at a time, and only numbers of them are kept.

    Lines that never move say nothing and are left out; of the others, no more than `MOST_TRENDS`, as the snapshots
    name them.
    """
    series: dict[tuple[str, str], list[float | None]] = {}
    looks = 0
    for snapshot in snapshots:
        for title, kind, value in _readings(snapshot):
            known = series.setdefault((title, kind), [])
            known += [None] * (looks - len(known))  # it was not there before
            if len(known) == looks:
                known.append(value)
        looks += 1
    drawn = (
        _trend(title, kind, values + [None] * (looks - len(values)))
        for (title, kind), values in series.items()
    )
    return [trend for trend in drawn if trend][:MOST_TRENDS]


def _readings(snapshot: Snapshot) -> Iterator[Reading]:
    for flow in snapshot.network.flows:
        if flow.scope == "loopback" and flow.from_container and flow.to_container:
            title = f"{flow.from_container} → {flow.to_container} {flow.server}"
            yield title, "rtt", flow.rtt_us
            yield title, "retransmits", flow.retransmit_ratio
    for probe in snapshot.latency:
        yield f"{probe.from_container or '?'} → {probe.to} ({probe.kind})", "p99", probe.p99_us
    for listener in snapshot.network.listeners:
        if listener.protocol == "tcp":
            yield f"{listener.address}:{listener.port}", "backlog", listener.backlog
    for container in snapshot.containers:
        if container.cgroup:
            memory = container.cgroup.memory_working_set_bytes or container.cgroup.memory_bytes
            yield container.name, "memory", memory
            yield container.name, "throttled", container.cgroup.cpu_throttled_ratio
    for volume in snapshot.volumes:
        yield f"volume {volume.name}", "holds", volume.usage.bytes if volume.usage else None
    for shm in snapshot.ipc.dev_shm:
        yield f"shared memory of {', '.join(shm.containers)}", "used", shm.filesystem.used_bytes


def _trend(title: str, kind: str, values: list[float | None]) -> Trend | None:
    known = [value for value in values if value is not None]
    if len(known) < 2 or min(known) == max(known):
        return None
    shown = _SHOWN[kind]
    return Trend(
        title=neutral(title, 80),
        kind=kind,
        path=_path(_thinned(values), min(known), max(known)),
        last=shown(known[-1]),
        low=shown(min(known)),
        high=shown(max(known)),
    )


def _thinned(values: list[float | None]) -> list[float | None]:
    """At most `MOST_POINTS`, each the largest of its share: a peak is what one looks for."""
    if len(values) <= MOST_POINTS:
        return values
    edges = [len(values) * index // MOST_POINTS for index in range(MOST_POINTS + 1)]
    shares = (values[start:end] for start, end in itertools.pairwise(edges))
    return [max((value for value in share if value is not None), default=None) for share in shares]


def _path(values: list[float | None], low: float, high: float) -> str:
    step = WIDTH / max(1, len(values) - 1)
    parts: list[str] = []
    pen_down = False
    for index, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        y = HEIGHT * (1 - (value - low) / (high - low))
        parts.append(f"{'L' if pen_down else 'M'}{index * step:.1f} {y:.1f}")
        pen_down = True
    return " ".join(parts)
