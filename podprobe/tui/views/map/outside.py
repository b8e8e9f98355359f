"""The ways in and out: paths through proxies, Services, flows with the outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, cut, join, said
from podprobe.tui.views import paths
from podprobe.tui.views.flows import loss_mark, loss_role, party
from podprobe.tui.views.map.boxes import aim, port_of
from podprobe.tui.views.outside.services import target_of, verdict

if TYPE_CHECKING:
    from podprobe.model import Flow
    from podprobe.tui.state import State

_FLOWS_OUTSIDE = 6
_PATHS = 8


def outside(state: State, width: int) -> list[Line]:
    """All of them, worst first where they are many."""
    lines: list[Line] = []
    followed = [one for one in state.snapshot.paths if paths.shows(state, one)]
    lines += [aim(paths.line(one, width), keys.of_path(one)) for one in followed[:_PATHS]]
    if len(followed) > _PATHS:
        lines.append((Span(f"and {len(followed) - _PATHS} more paths through proxies: press 8", "dim"),))
    led = {name for one in followed[:_PATHS] for name in one.services}
    for service in state.snapshot.services:
        for port in service.ports:
            if f"{service.name}:{port.port}" in led:
                continue  # a path shows it, and where it goes on
            if state.focus is not None and port.container not in {None, state.focus}:
                continue
            line: Line = (
                Span("outside ─▶ ", "dim"),
                Span("Service "),
                said(service.name, "strong"),
                Span(f":{port.port}", "strong"),
                Span(" ─▶ ", "dim"),
                Span(":"),
                said(target_of(port)),
                Span(" "),
                *verdict(service, port),
            )
            lines.append(aim(cut(line, width), keys.of_service(service, port)))
    flows = [
        one
        for one in state.snapshot.network.flows
        if one.scope == "external" and state.shows(one.from_container, one.to_container)
    ]
    flows.sort(key=lambda one: (loss_role(one) != "warning", -one.connections))
    lines += [_flow_line(one, width) for one in flows[:_FLOWS_OUTSIDE]]
    if len(flows) > _FLOWS_OUTSIDE:
        lines.append(
            (Span(f"and {len(flows) - _FLOWS_OUTSIDE} more flows with the outside: press 3", "dim"),)
        )
    return lines


def _flow_line(flow: Flow, width: int) -> Line:
    parts: list[Line] = [
        party(flow.from_container, flow.remote_address),
        (Span("─▶", "dim"),),
        (*party(flow.to_container, None), Span(" "), said(port_of(flow.server), "strong"))
        if flow.to_container is not None
        else (said(flow.server, "strong"),),
        (Span(f" {flow.connections:,} connection{'' if flow.connections == 1 else 's'}"),),
    ]
    if flow.rtt_us is not None:
        parts.append((Span(f" rtt {units.microseconds(flow.rtt_us)}"),))
    if flow.retransmit_ratio:
        parts.append(
            (Span(f" {loss_mark(flow)}retrans {units.ratio(flow.retransmit_ratio)}", loss_role(flow)),)
        )
    odd = {name: count for name, count in flow.states.items() if name not in {"established", "time-wait"}}
    if odd:
        name, count = max(odd.items(), key=lambda item: item[1])
        parts.append((said(f" {count:,} in {name}"),))
    return aim(cut(join(parts, Span(" ")), width), keys.of_flow(flow))
