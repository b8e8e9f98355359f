"""Paths through proxies, what proxies say of themselves, and the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.proxies.programs import MESH_TITLES
from podprobe.analysis.proxies.wording import origin, priced
from podprobe.analysis.words import OUTSIDE
from podprobe.report import units
from podprobe.report.sections.base import (
    ABSENT,
    Cell,
    Column,
    Marks,
    Section,
    count,
    ratio,
    section,
    size,
    text,
    time,
)
from podprobe.report.sections.judgement import HEALTH

if TYPE_CHECKING:
    from podprobe.model import Bypass, Leg, Path, Proxy, Snapshot, Upstream


def paths(snapshot: Snapshot, marks: Marks) -> Section:
    """The ways of requests through proxies, a row for each leg."""
    rows = [
        marks.row(
            f"/paths/{number}/legs/{step}",
            Cell(str(number + 1), number + 1, "dim" if step else "plain"),
            text(origin(path) if step == 0 else leg.from_container, 120),
            text(leg.to_container or OUTSIDE, 63),
            text(_end(leg), 108),
            _health(leg),
            count(leg.connections),
            time(leg.rtt_us),
            time(leg.min_rtt_us),
            ratio(leg.retransmit_ratio),
            size(leg.bytes_sent if leg.kind == "tcp" else None),
            size(leg.bytes_received if leg.kind == "tcp" else None),
            time(leg.connect_p50_us),
            text(_price(path), 120) if step == len(path.legs) - 1 else ABSENT,
        )
        for number, path in enumerate(snapshot.paths)
        for step, leg in enumerate(path.legs)
    ]
    columns = (
        Column("path", right=True),
        Column("from"),
        Column("to"),
        Column("at"),
        Column("health", 5),
        Column("conns", right=True),
        Column("rtt", right=True),
        Column("least rtt", 3, right=True),
        Column("retrans", right=True),
        Column("sent", 4, right=True),
        Column("received", 4, right=True),
        Column("connect p50", 2, right=True),
        Column("what the proxies cost", 1),
    )
    note = (
        ""
        if all(path.certain for path in snapshot.paths)
        else "(?) several ways lead on, and any may be taken"
    )
    return section("paths", "Paths through proxies", columns, rows, note=note)


def _end(leg: Leg) -> str:
    return f"{leg.to}, meant for {leg.original}" if leg.original else leg.to


def _health(leg: Leg) -> Cell:
    sign, tone = HEALTH[leg.health]
    return Cell(sign, tone=tone)


def _price(path: Path) -> str:
    doubt = "" if path.certain else "(?) "
    return f"{doubt}{priced(path.price)}" or units.ABSENT


def proxies(snapshot: Snapshot, marks: Marks) -> Section:
    """Proxies, and what their administration ports say."""
    rows = [
        marks.row(
            f"/proxies/{index}",
            text(found.container, 63),
            Cell(found.program),
            Cell(MESH_TITLES[found.mesh]) if found.mesh else ABSENT,
            *_admin_cells(found),
        )
        for index, found in enumerate(snapshot.proxies)
    ]
    columns = (
        Column("container"),
        Column("program"),
        Column("mesh", 1),
        Column("version"),
        Column("state"),
        Column("uptime", 2, right=True),
        Column("request p50 / p99", 1, right=True),
        Column("asked at", 3),
    )
    return section("proxies", "Proxies", columns, rows)


def _admin_cells(found: Proxy) -> tuple[Cell, ...]:
    admin = found.admin
    if admin is None:
        return (ABSENT,) * 5
    up = None if admin.uptime_seconds is None else _age(admin.uptime_seconds)
    bad = admin.state not in (None, "LIVE")
    at = admin.address if admin.error is None else f"{admin.address}: {admin.error}"
    return (
        text(admin.version, 40),
        text(admin.state, 20, "warning" if bad else "plain"),
        Cell(up, admin.uptime_seconds) if up else ABSENT,
        Cell(_quantiles(admin.downstream_p50_ms, admin.downstream_p99_ms), admin.downstream_p50_ms),
        text(at, 200),
    )


def _age(seconds: int) -> str:
    """`90 s`, `12 min`, `3 h`, `5 d`: of two units as much as says something."""
    for unit, size_ in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size_:
            return f"{seconds // size_:,} {unit}"
    return f"{seconds} s"


def upstreams(snapshot: Snapshot, marks: Marks) -> Section:
    """Envoy's clusters."""
    rows = [
        marks.row(f"/proxies/{index}/admin/upstreams/{place}", text(found.container, 63), *_cells(upstream))
        for index, found in enumerate(snapshot.proxies)
        if found.admin
        for place, upstream in enumerate(found.admin.upstreams)
    ]
    columns = (
        Column("proxy"),
        Column("upstream"),
        Column("healthy", right=True),
        Column("conns", 1, right=True),
        Column("connect failures", right=True),
        Column("requests", right=True),
        Column("failed", right=True),
        Column("pending", right=True),
        Column("refused", 2, right=True),
        Column("request p50 / p99", 1, right=True),
        Column("unhealthy hosts", 3),
    )
    left_out = sum(
        found.admin.upstream_count - len(found.admin.upstreams) for found in snapshot.proxies if found.admin
    )
    note = f"{units.number(left_out)} more were left out" if left_out > 0 else ""
    return section("upstreams", "Upstreams, as the proxies have them", columns, rows, note=note)


def _cells(found: Upstream) -> tuple[Cell, ...]:
    gone = found.hosts > 0 and found.healthy_hosts == 0
    return (
        text(found.name, 120),
        Cell(
            f"{found.healthy_hosts} of {found.hosts}",
            found.healthy_hosts,
            "critical" if gone else "warning" if found.healthy_hosts < found.hosts else "plain",
        ),
        count(found.connections),
        _bad(found.connect_failures),
        count(found.requests),
        _bad(found.failed_requests),
        _bad(found.pending_requests),
        _bad(found.pending_overflow),
        Cell(_quantiles(found.request_p50_ms, found.request_p99_ms), found.request_p50_ms),
        text("; ".join(found.unhealthy), 200) if found.unhealthy else ABSENT,
    )


def _bad(value: int | None) -> Cell:
    return Cell(units.number(value), value, "warning" if value else "dim" if value is None else "plain")


def _quantiles(p50: float | None, p99: float | None) -> str:
    if p50 is None and p99 is None:
        return units.ABSENT
    return f"{_milliseconds(p50)} / {_milliseconds(p99)}"


def _milliseconds(value: float | None) -> str:
    # Envoy counts whole milliseconds: what is below one is 0 there.
    return (
        "< 1 ms"
        if value is not None and value < 1
        else units.microseconds(None if value is None else value * 1000)
    )


def mesh(snapshot: Snapshot, marks: Marks) -> Section:
    """The mesh: how it is known, what passes through its proxy, and what passes it by."""
    found = snapshot.mesh
    facts: list[tuple[str, Cell]] = []
    if found is not None:
        where = found.container or "none in the Pod: the node's"
        through = f"{found.through_inbound:,} from outside, {found.through_outbound:,} to outside"
        facts = [
            ("mesh", Cell(MESH_TITLES[found.name])),
            ("proxy", text(where, 63)),
            ("connections through it", Cell(through)),
            *(("known by", text(each, 400)) for each in found.evidence),
            *(
                ("passes it by", text(_bypass(each), 300, "plain" if each.reason else "warning"))
                for each in found.bypass
            ),
        ]
    rows = [
        marks.row("/mesh" if place == 0 else f"/mesh/{place}", Cell(name, tone="dim"), cell)
        for place, (name, cell) in enumerate(facts)
    ]
    return section("mesh", "Service mesh", (Column("what"), Column("is")), rows)


def _bypass(found: Bypass) -> str:
    ends = f"outside → {found.container}" if found.direction == "inbound" else f"{found.container} → outside"
    return f"{ends} {found.endpoint}, {found.connections:,}: {found.reason or 'nothing seen says why'}"
