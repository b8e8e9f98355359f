"""The kubelet's probes: whether each finds a listener, and how it fares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.answering import answered, pod_addresses
from podprobe.analysis.endpoints import is_loopback
from podprobe.report import units
from podprobe.report.sections.startup import trial_words
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.table import Column, Section, container_column, number_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Probe
    from podprobe.tui.state import State


class ProbeRow(NamedTuple):
    """A probe and its container."""

    container: str
    probe: Probe


def section(state: State) -> Section:
    """Of the containers that are shown."""
    items = [
        ProbeRow(one.name, probe)
        for one in state.snapshot.containers
        for probe in one.probes
        if state.shows(one.name)
    ]

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
