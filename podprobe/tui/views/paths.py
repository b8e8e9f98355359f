"""Paths through proxies, the proxies' own words, and the mesh. Shown where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from podprobe.analysis.loss import loss_ratio
from podprobe.analysis.proxies.programs import MESH_TITLES
from podprobe.analysis.proxies.wording import origin, place, priced
from podprobe.analysis.words import OUTSIDE
from podprobe.model import Path
from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, cut, mark_of_health, said
from podprobe.tui.views.table import Column, Section, container_column, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import Bypass, Leg, Mesh, Upstream
    from podprobe.tui.state import State

    Row: TypeAlias = "Path | LegRow"


class LegRow(NamedTuple):
    """A leg, and where in which path it is."""

    path: Path
    number: int

    @property
    def leg(self) -> Leg:
        """The leg itself."""
        return self.path.legs[self.number]


class UpstreamRow(NamedTuple):
    """A cluster of Envoy's, and whose."""

    proxy: str
    upstream: Upstream


LOSS = 0.001
"""A share of segments sent again on loopback that deserves a word (TCP101)."""


def sections(state: State) -> list[Section]:
    """Paths, Envoy's upstreams, and what passes a mesh by."""
    snapshot = state.snapshot
    paths = [one for one in snapshot.paths if shows(state, one)]
    made = [_paths(paths)] if paths else []
    upstreams = [
        UpstreamRow(proxy.container, one)
        for proxy in snapshot.proxies
        if proxy.admin and state.shows(proxy.container)
        for one in proxy.admin.upstreams
    ]
    if upstreams:
        made.append(_upstreams(upstreams))
    if snapshot.mesh is not None:
        made.append(_mesh(snapshot.mesh))
    return made


def shows(state: State, path: Path) -> bool:
    """The path is of the container that the view is narrowed to, if it is."""
    return bool(path.legs) and state.shows(
        *(end for leg in path.legs for end in (leg.from_container, leg.to_container))
    )


def line(path: Path, width: int) -> Line:
    """A path in one line, each proxy and the application with the round-trip time of the way to it."""
    parts: list[Span] = [*_from(path)]
    for number, leg in enumerate(path.legs):
        parts += [Span(" ─▶ ", "dim")]
        if number == 0 or leg.health in {"degraded", "broken"}:
            parts += [mark_of_health(leg.health), Span(" ")]
        parts += _party(leg)
        if (loss_ratio(leg) or 0) >= LOSS:
            parts.append(Span(f" retrans {units.ratio(leg.retransmit_ratio)}", "warning"))
        if leg.rtt_us is not None:
            parts.append(Span(f" {units.microseconds(leg.rtt_us)}", "dim"))
    if not path.certain:
        parts.append(Span(" ?", "dim"))
    return cut(tuple(parts), width)


def _from(path: Path) -> Line:
    if path.legs[0].from_container is not None:
        return (said(path.legs[0].from_container, "container"),)
    if not path.services:
        return (Span(OUTSIDE, "dim"),)
    names = ", ".join(path.services)
    return Span(f"{OUTSIDE} ─▶ ", "dim"), Span("Service "), said(names, "strong")


def _party(leg: Leg) -> Line:
    if leg.to_container is None:
        return Span(f"{OUTSIDE} ", "dim"), said(leg.to)
    end = place(leg).removeprefix(leg.to_container)
    return said(leg.to_container, "container"), said(end, "strong")


def _paths(items: list[Path]) -> Section:
    columns = (
        Column("path", _way, lambda row: row.legs[0].to if isinstance(row, Path) else row.leg.to, least=24, most=70),
        Column("health", _health, None, least=6, most=8, rank=2),
        number_column("conns", _connections),
        number_column("rtt", _rtt, units.microseconds, least=7),
        number_column("least", _least, units.microseconds, rank=3),
        number_column(
            "retrans",
            lambda row: _worst_loss(row) if isinstance(row, Path) else row.leg.retransmit_ratio,
            units.ratio,
            role=_loss_role,
            least=7,
        ),
        number_column("connect", _connect, units.microseconds, rank=2, least=7),
        text_column(
            "what the proxies cost",
            lambda row: priced(row.price) or None if isinstance(row, Path) else None,
            least=18,
            most=50,
            rank=1,
            role="dim",
        ),
    )  # fmt: skip
    return Section(
        "Paths through proxies",
        columns,
        items,
        lambda row: keys.of_path(row) if isinstance(row, Path) else keys.of_leg(*row),
        lambda row: (
            f"path {origin(row)} {' '.join(row.proxies)}"
            if isinstance(row, Path)
            else f"leg {place(row.leg)}"
        ),
        children=lambda row: (
            [LegRow(row, number) for number in range(len(row.legs))] if isinstance(row, Path) else ()
        ),
        opened=True,
        note="each leg with its own numbers",
    )


def _way(row: Row) -> Line:
    if isinstance(row, Path):
        return (*_from(row), Span("" if row.certain else "  (one of several ways)", "dim"))
    meant = (said(f" meant for {row.leg.original}", "dim"),) if row.leg.original else ()
    return Span("─▶ ", "dim"), *_party(row.leg), *meant


def _health(row: Row) -> Line:
    return (
        () if isinstance(row, Path) else (mark_of_health(row.leg.health), Span(f" {row.leg.health}", "dim"))
    )


def _connections(row: Row) -> int | None:
    return None if isinstance(row, Path) else row.leg.connections


def _rtt(row: Row) -> int | None:
    return None if isinstance(row, Path) else row.leg.rtt_us


def _least(row: Row) -> int | None:
    return None if isinstance(row, Path) else row.leg.min_rtt_us


def _connect(row: Row) -> float | None:
    return None if isinstance(row, Path) else row.leg.connect_p50_us


def _loss_role(row: Row) -> str:
    legs = row.legs if isinstance(row, Path) else (row.leg,)
    if not any(leg.retransmits for leg in legs):
        return "dim"
    ratio = max(loss_ratio(leg) or 0 for leg in legs)
    return "critical" if ratio >= 10 * LOSS else "warning" if ratio >= LOSS else ""


def _worst_loss(path: Path) -> float | None:
    return max((leg.retransmit_ratio for leg in path.legs if leg.retransmit_ratio), default=None)


def _upstreams(items: list[UpstreamRow]) -> Section:
    def healthy(row: UpstreamRow) -> Line:
        one = row.upstream
        text = f"{one.healthy_hosts} of {one.hosts}"
        if one.hosts and not one.healthy_hosts:
            return (Span(f"✖ {text}", "critical"),)
        return (
            (Span(f"▲ {text}", "warning"),) if one.healthy_hosts < one.hosts else (Span(f"● {text}", "ok"),)
        )

    def bad(value: float | None) -> str:
        return "warning" if value else "dim"

    columns = (
        container_column("proxy", lambda row: row.proxy),
        text_column("upstream", lambda row: row.upstream.name, least=12, most=50),
        Column("healthy", healthy, lambda row: row.upstream.healthy_hosts, least=9, most=12),
        number_column("conns", lambda row: row.upstream.connections, rank=1),
        number_column("not connected", lambda row: row.upstream.connect_failures, least=8,
                      role=lambda row: bad(row.upstream.connect_failures)),
        number_column("requests", lambda row: row.upstream.requests, least=8, rank=1),
        number_column("failed", lambda row: row.upstream.failed_requests, least=6,
                      role=lambda row: bad(row.upstream.failed_requests)),
        number_column("pending", lambda row: row.upstream.pending_requests, least=7,
                      role=lambda row: bad(row.upstream.pending_requests)),
        number_column("p99", lambda row: row.upstream.request_p99_ms, lambda value: units.microseconds(value * 1000),
                      rank=2),
    )  # fmt: skip
    return Section(
        "Upstreams, as Envoy has them",
        columns,
        items,
        lambda row: keys.of_upstream(row.proxy, row.upstream),
        lambda row: f"upstream {row.proxy} {row.upstream.name}",
    )


def _mesh(found: Mesh) -> Section:
    def ends(one: Bypass) -> Line:
        if one.direction == "inbound":
            return Span(f"{OUTSIDE} ─▶ ", "dim"), said(one.container, "container")
        return said(one.container, "container"), Span(f" ─▶ {OUTSIDE}", "dim")

    columns = (
        Column("passes it by", ends, lambda one: one.container or "", least=16, most=34),
        text_column("at", lambda one: one.endpoint, least=12, most=40),
        number_column("conns", lambda one: one.connections),
        text_column("why", lambda one: one.reason or "nothing seen says why", least=20, most=60),
    )
    proxy = found.container or "the node's ztunnel"
    through = f"{found.through_inbound:,} in, {found.through_outbound:,} out through {proxy}"
    return Section(
        f"Mesh: {MESH_TITLES[found.name]}",
        columns,
        list(found.bypass),
        keys.of_bypass,
        lambda one: f"bypass {one.container} {one.endpoint} {one.reason}",
        note=through,
        empty="nothing was seen to pass it by",
    )
