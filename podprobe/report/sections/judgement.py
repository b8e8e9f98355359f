"""The map, latency, Services, and what could not be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.words import OUTSIDE, listed
from podprobe.report import units
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import ABSENT, Cell, Column, Marks, Section, section, text, time

if TYPE_CHECKING:
    from podprobe.model import Health, Service, ServicePort, Snapshot
    from podprobe.report.sections.base import Tone

HEALTH: dict[Health, tuple[str, Tone]] = {
    "ok": ("● ok", "ok"),
    "degraded": ("▲ degraded", "warning"),
    "broken": ("✖ broken", "critical"),
    "unknown": ("○ unknown", "dim"),
}
_HEALTH_ORDER: tuple[Health, ...] = ("broken", "degraded", "ok", "unknown")


def channels(snapshot: Snapshot, marks: Marks) -> Section:
    """The communication map, one line a channel: broken ones first."""
    rows = []
    for index, channel in sorted(
        enumerate(snapshot.channels), key=lambda item: _HEALTH_ORDER.index(item[1].health)
    ):
        sign, tone = HEALTH[channel.health]
        rows.append(
            marks.row(
                f"/channels/{index}",
                text(channel.a or OUTSIDE, 63),
                Cell("─▶" if channel.directed else "──", tone="dim"),
                text(channel.b or OUTSIDE, 63),
                text(channel.kind),
                text(channel.via),
                Cell(sign, float(_HEALTH_ORDER.index(channel.health)), tone),
                Cell(neutral(" ".join(channel.findings), 60), tone=tone),
                text(channel.detail, 200),
            )
        )
    columns = (
        Column("from"),
        Column(""),
        Column("to"),
        Column("kind", 1),
        Column("via"),
        Column("health"),
        Column("findings", 1),
        Column("detail", 2, below=True),
    )
    return section("map", "Map", columns, rows)


def latency(snapshot: Snapshot, marks: Marks) -> Section:
    """Active probes."""
    rows = [
        marks.row(
            f"/latency/{index}",
            text(found.from_container, 63),
            text(found.to_container, 63),
            text(found.to),
            text(found.kind),
            time(found.p50_us),
            time(found.p90_us),
            time(found.p99_us),
            time(found.max_us),
            Cell(
                f"{found.failures} of {found.count}",
                found.failures,
                "critical" if found.failures else "plain",
            ),
        )
        for index, found in enumerate(snapshot.latency)
    ]
    columns = (
        Column("from"),
        Column("to"),
        Column("endpoint"),
        Column("kind", 3),
        Column("p50", right=True),
        Column("p90", 2, right=True),
        Column("p99", right=True),
        Column("max", 1, right=True),
        Column("failed", 1, right=True),
    )
    return section("latency", "Latency", columns, rows)


_ENDS: dict[str, tuple[str, Tone]] = {
    "ok": ("● ok", "ok"),
    "loopback-only": ("✖ loopback only", "critical"),
    "other-address": ("✖ not at its address", "critical"),
    "srv-only": ("▲ by SRV records only", "warning"),
    "missing": ("✖ no listener", "critical"),
    "unresolved": ("▲ name not found", "warning"),
    "unknown": ("○ unknown", "dim"),
}


def services(snapshot: Snapshot, marks: Marks) -> Section:
    """Services that lead to the Pod, each port followed to its listener, and by what else it is open."""
    rows = []
    ways = any(opened(one, port) for one in snapshot.services for port in one.ports or (None,))
    for index, service in enumerate(snapshot.services):
        for number, port in enumerate(service.ports):
            sign, tone = _end(service, port)
            rows.append(
                marks.row(
                    f"/services/{index}/ports/{number}",
                    text(service.name, 63),
                    text(service.type, 20),
                    text(service.cluster_ip, 45),
                    count_port(port.port, port.protocol),
                    text(_target(port), 63),
                    text(port.container, 63),
                    text(sign, 80, tone),
                    *((text(opened(service, port), 120),) if ways else ()),
                )
            )
        if not service.ports:
            rows.append(
                marks.row(
                    f"/services/{index}",
                    text(service.name, 63),
                    text(service.type, 20),
                    text(service.cluster_ip, 45),
                    ABSENT,
                    ABSENT,
                    ABSENT,
                    text(_alias(service) or "no port", 80, "dim"),
                    *((text(opened(service, None), 120),) if ways else ()),
                )
            )
    columns = (
        Column("service"),
        Column("type", 2),
        Column("cluster ip", 3),
        Column("port", right=True),
        Column("target", right=True),
        Column("container", 1),
        Column("reaches"),
        *((Column("from outside", 1),) if ways else ()),
    )
    return section("services", "Services", columns, rows)


def _end(service: Service, port: ServicePort) -> tuple[str, Tone]:
    """Where a port ends; what is there is of no use while the Pod is not among the ready endpoints."""
    if alias := _alias(service):
        return alias, "dim"
    if port.listener == "ok" and False in {service.ready, port.ready}:
        return "▲ listens, not ready", "warning"
    sign, tone = _ENDS[port.listener]
    return (f"✖ not by {listed(port.unreached)}", tone) if port.unreached else (sign, tone)


def _alias(service: Service) -> str | None:
    return None if service.external_name is None else f"○ alias of {service.external_name}"


def opened(service: Service, port: ServicePort | None) -> str | None:
    """By what a Service is reached from outside the cluster: `node :30080, 203.0.113.7`."""
    node = [f"node :{port.node_port}"] if port and port.node_port else []
    return ", ".join([*node, *service.load_balancer, *service.external_ips]) or None


def count_port(port: int, protocol: str) -> Cell:
    """A port with its protocol where that is not TCP."""
    return Cell(str(port) if protocol == "tcp" else f"{port}/{protocol}", port)


def _target(port: ServicePort) -> str:
    if port.target_port_name:
        return f"{port.target_port_name} ({port.target_port or '?'})"
    return units.ABSENT if port.target_port is None else str(port.target_port)
