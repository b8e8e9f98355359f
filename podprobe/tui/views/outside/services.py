"""Services that select the Pod, port by port, and where each ends in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.words import listed
from podprobe.report import units
from podprobe.report.sections.judgement import opened
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.table import Column, Section, text_column

if TYPE_CHECKING:
    from podprobe.model import Service, ServicePort
    from podprobe.tui.state import State


class ServiceRow(NamedTuple):
    """One port of a Service; a Service without ports has one row."""

    service: Service
    port: ServicePort | None


def section(state: State) -> Section:
    """Of the container in focus: what ends there, or nobody knows where."""
    items = [
        ServiceRow(service, port)
        for service in state.snapshot.services
        for port in service.ports or (None,)
        if state.focus is None or port is None or port.container in {None, state.focus}
    ]

    def ready(row: ServiceRow) -> Line:
        shown = {True: Span("● ready", "ok"), False: Span("▲ not ready", "warning")}
        return (shown[row.service.ready] if row.service.ready is not None else Span(units.ABSENT, "dim"),)

    columns = (
        text_column("service", lambda row: row.service.name, least=10, most=30),
        Column(
            "port",
            lambda row: _port(row.port),
            lambda row: row.port and row.port.port,
            least=8,
            most=24,
        ),
        Column("leads to", lambda row: _leads_to(row.port), None, least=8, most=22),
        Column(
            "there",
            lambda row: verdict(row.service, row.port),
            lambda row: row.port and row.port.listener,
            least=14,
            most=30,
        ),
        Column("endpoint", ready, lambda row: str(row.service.ready), least=9, most=12, rank=1),
        text_column("type", lambda row: row.service.type, least=8, most=14, rank=2, role="dim"),
        text_column("address", lambda row: row.service.cluster_ip, least=10, most=40, rank=2),
        *(
            (text_column("from outside", lambda row: opened(row.service, None), least=12, most=40, rank=1),)
            if any(opened(row.service, None) for row in items)
            else ()
        ),
    )
    return Section(
        "Services",
        columns,
        items,
        lambda row: keys.of_service(row.service, row.port),
        _text,
        empty="no Service selects this Pod",
    )


def verdict(service: Service, port: ServicePort | None) -> Line:
    """Where a Service's port ends in the Pod."""
    if service.external_name is not None:
        return Span("○ alias of ", "dim"), said(service.external_name, "dim")
    if port is None:
        return (Span("no port", "dim"),)
    if port.listener == "ok" and False in {service.ready, port.ready}:
        return Span("▲ ", "warning"), *_whose(port), Span(" is not ready", "warning")
    if port.listener == "ok":
        return Span("● ", "ok"), *_whose(port)
    text = {
        "loopback-only": ("✖ ", "listens on loopback only", "critical"),
        "other-address": ("✖ ", f"not at {listed(port.unreached) or 'the Pod'}'s address", "critical"),
        "srv-only": ("▲ ", "by SRV records only", "warning"),
        "missing": ("✖ ", "nobody listens", "critical"),
        "unresolved": ("▲ ", "no such named port", "warning"),
        "unknown": ("? ", "not known", "dim"),
    }[port.listener]
    return Span(text[0], text[2]), Span(text[1], text[2])


def target_of(port: ServicePort) -> str:
    """`8080`, or the port's name where it leads nowhere."""
    if port.target_port is not None:
        return str(port.target_port)
    return port.target_port_name or units.ABSENT


def _whose(port: ServicePort) -> Line:
    return (said(port.container, "container") if port.container else Span("listens", "ok"),)


def _port(port: ServicePort | None) -> Line:
    if port is None:
        return (Span(units.ABSENT, "dim"),)
    node = f" node :{port.node_port}" if port.node_port else ""
    return Span(f":{port.port}", "strong"), Span(f"/{port.protocol}{node}", "dim")


def _leads_to(port: ServicePort | None) -> Line:
    if port is None:
        return (Span(units.ABSENT, "dim"),)
    return Span("─▶ :", "dim"), said(target_of(port))


def _text(row: ServiceRow) -> str:
    ends = f"{row.port.port} {row.port.listener} {row.port.container}" if row.port else ""
    return f"service {row.service.name} {row.service.type} {ends}"
