"""Outside: Services, NetworkPolicies, the kubelet's probes, names, interfaces, and the network namespace's counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.answering import answered, pod_addresses
from podprobe.analysis.endpoints import is_loopback
from podprobe.analysis.words import listed
from podprobe.report import units
from podprobe.report.sections.judgement import opened
from podprobe.report.sections.startup import trial_words
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said, spark
from podprobe.tui.views import names, paths, policies, starts
from podprobe.tui.views.table import Column, Section, container_column, number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Interface, Probe, Service, ServicePort
    from podprobe.tui.state import State


class ServiceRow(NamedTuple):
    """One port of a Service; a Service without ports has one row."""

    service: Service
    port: ServicePort | None


class ProbeRow(NamedTuple):
    """A probe and its container."""

    container: str
    probe: Probe


class CounterRow(NamedTuple):
    """A kernel counter and its rate."""

    name: str
    value: int
    rate: float | None


_TROUBLE = (
    "RetransSegs",
    "OutRsts",
    "AttemptFails",
    "ListenOverflows",
    "ListenDrops",
    "TCPTimeouts",
    "InErrs",
    "RcvbufErrors",
    "SndbufErrors",
    "TCPAbortOnMemory",
    "TCPBacklogDrop",
    "TCPReqQFullDrop",
    "TCPZeroWindowDrop",
)


def sections(state: State) -> list[Section]:
    """Services, NetworkPolicies where there are any, probes, names, interfaces, counters."""
    snapshot = state.snapshot
    ports = [
        ServiceRow(service, port)
        for service in snapshot.services
        for port in service.ports or (None,)
        if state.focus is None or port is None or port.container in {None, state.focus}
    ]
    probes = [
        ProbeRow(one.name, probe)
        for one in snapshot.containers
        for probe in one.probes
        if state.shows(one.name)
    ]
    counters = snapshot.network.counters
    rows = [CounterRow(name, value, counters.rates.get(name)) for name, value in counters.values.items()]
    rows.sort(key=lambda row: (not is_trouble(row), not row.value, row.name))
    return [
        _services(ports),
        *paths.sections(state),
        *policies.sections(state),
        _probes(state, probes),
        *names.sections(state),
        *starts.sections(state),
        _interfaces(snapshot.network.interfaces),
        _counters(state, rows),
    ]


def is_trouble(row: CounterRow) -> bool:
    """A counter that counts something gone wrong."""
    return row.name.rpartition(".")[2] in _TROUBLE


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


def target_of(port: ServicePort) -> str:
    """`8080`, or the port's name where it leads nowhere."""
    if port.target_port is not None:
        return str(port.target_port)
    return port.target_port_name or units.ABSENT


def _services(items: list[ServiceRow]) -> Section:
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
        _service_text,
        empty="no Service selects this Pod",
    )


def _service_text(row: ServiceRow) -> str:
    ends = f"{row.port.port} {row.port.listener} {row.port.container}" if row.port else ""
    return f"service {row.service.name} {row.service.type} {ends}"


def there(state: State, row: ProbeRow) -> Line:
    """Whether the kubelet, which comes from outside, finds a listener at the probe's port, and whose."""
    if row.probe.kind == "exec" or state.declared or row.probe.host:
        return (Span(units.ABSENT, "dim"),)
    found = [
        one
        for one in state.snapshot.network.listeners
        if one.protocol == "tcp" and one.port == row.probe.port
    ]
    if not found:
        return (Span("✖ nobody listens", "critical"),)
    if all(is_loopback(one.address) for one in found):
        return (Span("✖ on loopback only", "critical"),)
    snapshot = state.snapshot
    asked = pod_addresses(snapshot)[: 1 if snapshot.target.ips else None]
    if asked and not answered(found, asked):
        return (Span("✖ not at its address", "critical"),)
    others = [one.container for one in found if one.container not in {None, row.container}]
    if len(others) == len(found):
        return Span("▲ but it is ", "warning"), said(others[0], "warning")
    return (Span("● listens", "ok"),)


def _probes(state: State, items: list[ProbeRow]) -> Section:
    def aim(row: ProbeRow) -> Line:
        probe = row.probe
        if probe.kind == "exec":
            return (Span("a command", "dim"),)
        port = probe.port if probe.port is not None else probe.port_name
        return said(f":{port}", "strong"), said(probe.path or "")

    columns = (
        container_column("container", lambda row: row.container),
        Column("probe", lambda row: (Span(row.probe.role),), lambda row: row.probe.role, least=9, most=10),
        Column(
            "kind",
            lambda row: (Span(row.probe.kind, "dim"),),
            lambda row: row.probe.kind,
            least=4,
            most=5,
            rank=1,
        ),
        Column("aims at", aim, lambda row: row.probe.port, least=9, most=26),
        Column("there", lambda row: there(state, row), None, least=12, most=20),
        *_fares(items),
        number_column("every", lambda row: row.probe.period_seconds, lambda value: f"{value:g} s", rank=2),
        number_column(
            "timeout", lambda row: row.probe.timeout_seconds, lambda value: f"{value:g} s", rank=2, least=7
        ),
        number_column("fails at", lambda row: row.probe.failure_threshold, rank=2, least=8),
    )
    return Section(
        "Probes",
        columns,
        items,
        lambda row: keys.of_probe(row.container, row.probe),
        lambda row: (
            f"probe {row.container} {row.probe.role} {row.probe.kind} {row.probe.port} {row.probe.path}"
        ),
        empty="no probe is declared",
    )


def _fares(items: list[ProbeRow]) -> Iterator[Column]:
    """What came of trying them, where they were tried, and their failures, where the events could be read."""
    if any(row.probe.tried for row in items):
        yield Column(
            "tried", _tried, lambda row: row.probe.tried and row.probe.tried.time_us, least=16, most=30
        )
    if any(row.probe.failures for row in items):
        yield Column(
            "failed",
            _failures,
            lambda row: row.probe.failures and row.probe.failures.count,
            least=8,
            most=26,
        )


def _tried(row: ProbeRow) -> Line:
    tried = row.probe.tried
    if tried is None:
        return (Span(units.ABSENT, "dim"),)
    role = {"ok": "ok", "partial": "", "not-tried": "dim"}.get(tried.outcome, "critical")
    return (said(trial_words(tried, brief=True), role),)


def _failures(row: ProbeRow) -> Line:
    failures = row.probe.failures
    if failures is None:
        return (Span(units.ABSENT, "dim"),)
    if not failures.count:
        return (Span("never", "dim"),)
    last = f" {units.moment(failures.last_at)[11:]}" if failures.last_at else ""
    return (said(f"▲ {failures.count:,}×{last}", "warning"),)


def _interfaces(items: tuple[Interface, ...]) -> Section:
    def troubles(one: Interface) -> int | None:
        parts = [one.receive_errors, one.send_errors, one.receive_drops, one.send_drops]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None

    columns = (
        text_column("interface", lambda one: one.name, least=8, most=16),
        Column("state", _up, lambda one: str(one.up), least=6, most=8),
        text_column("addresses", lambda one: "  ".join(one.addresses) or None, least=14, most=50),
        number_column("received", lambda one: one.received_bytes, units.size, least=8),
        number_column("sent", lambda one: one.sent_bytes, units.size, least=8),
        number_column(
            "errors+drops", troubles, role=lambda one: "warning" if troubles(one) else "dim", least=12, rank=1
        ),
        number_column("mtu", lambda one: one.mtu, str, rank=2),
    )
    return Section(
        "Interfaces",
        columns,
        items,
        keys.of_interface,
        lambda one: f"interface {one.name} {' '.join(one.addresses)}",
        empty="not read yet",
    )


def _up(one: Interface) -> Line:
    if one.up is None:
        return (Span(units.ABSENT, "dim"),)
    return (Span("● up", "ok") if one.up else Span("○ down", "warning"),)


def _counters(state: State, items: list[CounterRow]) -> Section:
    def name(row: CounterRow) -> Line:
        hot = is_trouble(row) and bool(row.rate)
        return Span("▲ " if hot else "  ", "warning"), said(row.name, "warning" if hot else "")

    def trend(row: CounterRow) -> Line:
        return (Span(spark(state.history.series(keys.of_counter(row.name), "rate"), 16), "plot"),)

    columns = (
        Column("counter", name, lambda row: row.name, least=18, most=36),
        number_column("since start", lambda row: row.value, least=11),
        number_column("per second", lambda row: row.rate, lambda value: f"{value:,.1f}", least=10),
        Column("lately", trend, None, least=16, most=16, rank=1),
    )
    return Section(
        "Kernel counters of the network namespace",
        columns,
        items,
        lambda row: keys.of_counter(row.name),
        lambda row: f"counter {row.name}",
        empty="not read yet",
    )
