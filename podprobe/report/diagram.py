"""The communication map as a drawing: a lane for each container, a line across for each channel.

Lanes rather than boxes with free edges: nothing crosses a label, ten channels between two containers stay apart, and
it reads the same on paper. The geometry is computed here; the template only writes it down as SVG.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from podprobe.analysis.words import OUTSIDE
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import SEVERITY_RANK, SEVERITY_SIGN
from podprobe.report.sections.judgement import HEALTH
from podprobe.report.sections.workload import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Channel, Health, Snapshot

MOST_CHANNELS = 60
_ORDER: tuple[Health, ...] = ("broken", "degraded", "ok", "unknown")
_BOX = 172
_HEAD = 74
_PAGE = 1180
"""Lanes share the page's width as far as they can."""
_ROW = 44
_LETTER = 6.9
"""Average width of a letter at 12.5 px, with some to spare."""
_MOST_LETTERS = 96
_STROKE = {
    "tcp": "wire",
    "udp": "wire",
    "unix": "dashed",
    "shared-memory": "dotted",
    "posix-shared-memory": "dotted",
    "semaphore": "dashdot",
    "message-queue": "dashdot",
    "posix-message-queue": "dashdot",
    "volume": "thick",
    "pid-namespace": "dotted",
}


@dataclass(frozen=True)
class Lane:
    """One container, or the outside."""

    x: float
    name: str
    state: str
    tone: str
    ports: str
    sign: str


@dataclass(frozen=True)
class Line:
    """One channel. `x1` is where it comes from."""

    y: float
    x1: float
    x2: float
    label_x: float
    sign: str
    tone: str
    stroke: str
    directed: bool
    what: str
    detail: str


@dataclass(frozen=True)
class Diagram:
    """The whole, in pixels."""

    width: float
    height: float
    box: float
    head: float
    lanes: tuple[Lane, ...]
    lines: tuple[Line, ...]
    omitted: int


def diagram(snapshot: Snapshot) -> Diagram | None:
    """Draw the map; `None` where there is nothing to draw."""
    channels = sorted(snapshot.channels, key=lambda found: _ORDER.index(found.health))
    names: list[str | None] = [found.name for found in snapshot.containers if found.kind != "ephemeral"]
    names += sorted({end for found in channels for end in (found.a, found.b) if end} - set(names))
    if not names:
        return None
    if any(found.a is None or found.b is None for found in channels):
        names.insert(0, None)
    shown = channels[:MOST_CHANNELS]
    ordered = _arranged(names, shown)
    lane = min(420.0, max(200.0, _PAGE / len(ordered)))
    at = {name: _BOX / 2 + 8 + lane * index for index, name in enumerate(ordered)}
    lines = tuple(_line(channel, at, _HEAD + 26 + _ROW * row) for row, channel in enumerate(shown))
    ends = [line.label_x + _LETTER * (len(line.what) + len(line.detail) + 5) for line in lines]
    return Diagram(
        width=max([at[ordered[-1]] + _BOX / 2 + 8, *ends]),
        height=_HEAD + 26 + _ROW * len(lines),
        box=_BOX,
        head=_HEAD,
        lanes=tuple(_lane(snapshot, name, at[name]) for name in ordered),
        lines=lines,
        omitted=len(channels) - len(shown),
    )


def _arranged(names: Sequence[str | None], channels: Sequence[Channel]) -> list[str | None]:
    """The order in which lines are shortest in sum, the outside first. Too many lanes stay as declared."""
    fixed = [name for name in names if name is None]
    free = [name for name in names if name is not None]
    if len(free) > 6:
        return [*fixed, *free]

    def length(order: Sequence[str | None]) -> int:
        place = {name: index for index, name in enumerate([*fixed, *order])}
        return sum(abs(place[found.a] - place[found.b]) for found in channels)

    return [*fixed, *min(permutations(free), key=length)]


def _lane(snapshot: Snapshot, name: str | None, x: float) -> Lane:
    if name is None:
        return Lane(x, OUTSIDE, "", "dim", "", "")
    container = next((found for found in snapshot.containers if found.name == name), None)
    state, tone = state_of(container) if container else ("", "dim")
    if container and container.restarts:
        state += f"  ↻{container.restarts}"
    ports = sorted({found.port for found in snapshot.network.listeners if found.container == name})
    severities = [found.severity for found in snapshot.findings if name in found.containers]
    worst = min(severities, key=SEVERITY_RANK.__getitem__, default=None)
    listed = " ".join(f":{port}" for port in ports[:5]) + (" …" if len(ports) > 5 else "")
    return Lane(x, neutral(name, 24), state, tone, listed, SEVERITY_SIGN[worst] if worst else "")


def _line(channel: Channel, at: dict[str | None, float], y: float) -> Line:
    sign, tone = HEALTH[channel.health]
    x1, x2 = at[channel.a], at[channel.b]
    if x1 == x2:
        x2 = x1 + 40
    what = neutral(f"{channel.kind} {channel.via}", 60)
    return Line(
        y=y,
        x1=x1,
        x2=x2,
        label_x=min(x1, x2) + 12,
        sign=sign[0],
        tone=tone,
        stroke=_STROKE[channel.kind],
        directed=channel.directed,
        what=what,
        detail=neutral(channel.detail, max(20, _MOST_LETTERS - len(what))),
    )
