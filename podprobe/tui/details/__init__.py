"""The details of anything: evidence, history, remedy, every field, and where to look next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from podprobe.analysis.policies import described
from podprobe.analysis.proxies.wording import place, priced, sentence
from podprobe.analysis.words import OUTSIDE, UNKNOWN, nobody
from podprobe.report.neutral import neutral
from podprobe.tui.details import activity, fields, objects, trends
from podprobe.tui.details.blocks import Block, Bullets, Details, Facts, Links, Text, layout
from podprobe.tui.drawing import Line, Span, mark_of_health, mark_of_severity, said
from podprobe.tui.drawing.marks import mark_of_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Channel, Container, Finding, NetworkPolicy, Path
    from podprobe.tui import keys
    from podprobe.tui.details.objects import Found
    from podprobe.tui.drawing import Target
    from podprobe.tui.state import State

__all__ = ["Details", "describe", "layout"]

_LISTED = 200
"""Links listed at most under one heading."""


def describe(target: Target, state: State) -> Details | None:
    """All there is to say about what the target stands for; `None` where the snapshot no longer has it."""
    if not isinstance(target, tuple):
        return None
    key = cast("keys.Key", target)
    found = objects.find(state.snapshot, key)
    if found is None:
        return None
    kind = str(key[0])
    if kind == "finding":
        return _finding(found, state)
    blocks: list[Block] = [*_findings_about(found, state)]
    if kind == "channel":
        blocks += _channel(found.item, state)
    if kind in {"flow", "traffic"}:
        blocks += activity.facts(found.item.activity)
    blocks += trends.plots(found, state)
    if kind == "latency":
        blocks += trends.histogram(found.item.histogram)
    skip = _SKIPPED.get(kind, frozenset())
    blocks.append(Facts("", fields.rows(found.item, skip)))
    if more := _MORE.get(kind):
        blocks += more(found, state)
    return Details(title(found), tuple(blocks))


def title(found: Found) -> Line:
    """Mark, kind and name."""
    name = said(_name(found), "strong")
    kind = Span(f"{objects.title_of(found.key)} ", "dim")
    item: Any = found.item
    match str(found.key[0]):
        case "finding":
            return (
                mark_of_severity(item.severity),
                Span(" "),
                said(item.code),
                Span("  "),
                said(item.title, "strong"),
            )
        case "channel":
            return mark_of_health(item.health), Span(" "), kind, name
        case "container":
            return mark_of_container(item), Span(" "), kind, name
    return kind, name


def _mesh(found: Found) -> list[Block]:
    """Of what passes a mesh by: the mesh, and how it is known."""
    return [
        Facts("Mesh", fields.rows(found.parent, frozenset({"bypass", "evidence"}))),
        Bullets("Known by", tuple(neutral(one, 600) for one in found.parent.evidence)),
    ]


_SKIPPED = {
    "container": frozenset({"processes", "cgroup", "resources", "ports", "probes", "name"}),
    "channel": frozenset({"evidence"}),
    "latency": frozenset({"histogram"}),
    "flow": frozenset({"activity"}),
    "traffic": frozenset({"activity"}),
    "policy": frozenset({"ingress", "egress"}),
    "dns": frozenset({"lookups"}),
    "path": frozenset({"legs", "price"}),
    "leg": frozenset({"evidence"}),
}


def _name(found: Found) -> str:
    key = found.key
    write = _NAMES.get(str(key[0]))
    return write(key, found.item) if write else " ".join(str(part) for part in key[1:] if part is not None)


def _sysv_name(key: keys.Key, item: Any) -> str:
    return f"{item.key} (id {key[1]})"


_NAMES: dict[str, Callable[[keys.Key, Any], str]] = {
    "listener": lambda key, _: f"{key[1]} {_bracketed(str(key[2]))}:{key[3]}",
    "flow": lambda key, _: f"{key[3] or key[6] or nobody(key[2])} → {key[4] or nobody(key[2])} {key[5]}",
    "connection": lambda key, _: f"{key[2]} → {key[3]}",
    "traffic": lambda key, _: f"of {key[1] or UNKNOWN}, {key[2]}",
    "channel": lambda key, _: f"{key[1]} {key[4]}: {key[2] or 'outside'} → {key[3] or 'outside'}",
    "unix": lambda key, item: item.path or f"inode {key[1]}",
    "latency": lambda key, item: f"{key[1] or UNKNOWN} → {item.to_container or ''} {key[2]}",
    "shared-memory": _sysv_name,
    "semaphore": _sysv_name,
    "message-queue": _sysv_name,
    "path": lambda _, item: sentence(item),
    "leg": lambda _, item: f"{item.from_container or OUTSIDE} → {place(item)}",
    "upstream": lambda key, _: f"{key[2]} of {key[1]}",
    "bypass": lambda key, _: f"{key[2]} {key[3]}",
    "service": lambda key, _: f"{key[1]}:{key[2]}" if len(key) > 2 else str(key[1]),
    "lookup": lambda key, _: f"{key[1]} {key[2]}",
    "dns": lambda key, _: "of " + ", ".join(str(part) for part in key[1:]),
    "reach": lambda key, _: f"{key[2]}/{key[1]}",
    "dev-shm": lambda key, _: "of " + ", ".join(str(part) for part in key[1:]),
    "process": lambda key, item: f"{item.name} {key[2]} in {key[1]}",
    "posix-shared-memory": lambda key, _: str(key[1]),
}


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _finding(found: Found, state: State) -> Details:
    finding: Finding = found.item
    links: list[tuple[Line, Target]] = []
    for pointer in finding.pointers:
        there = objects.at(state.snapshot, pointer)
        if there is not None and there.key not in {target for _, target in links}:
            links.append((title(there), there.key))
    about: list[tuple[str, Line]] = [("subject", (said(finding.subject, "strong"),))]
    if finding.containers:
        about.append(("containers", (said(", ".join(finding.containers), "container"),)))
    blocks: list[Block] = [
        Facts("", tuple(about)),
        Bullets("Evidence", tuple(neutral(one, 600) for one in finding.evidence)),
        Bullets("What to do", (neutral(finding.remedy, 1200),)),
    ]
    # The plots of what the finding points at: has it just begun, or is it always so?
    for _, target in links[:2]:
        there = objects.find(state.snapshot, cast("keys.Key", target))
        # A container's memory and CPU say something of findings about these, and nothing of a port.
        if there is not None and (there.key[0] != "container" or finding.code.startswith(("RES", "PRC"))):
            blocks += trends.plots(there, state)[:2]
    blocks += [
        Links("Where it was seen", tuple(links)),
        Text(
            f"{finding.severity} · more: podprobe explain {neutral(finding.code)} · {neutral(finding.docs)}",
            "dim",
        ),
    ]
    return Details(title(found), tuple(blocks))


def _findings_about(found: Found, state: State) -> list[Block]:
    about = [
        finding
        for finding in state.snapshot.findings
        if any(_leads_to(pointer, found.pointer) for pointer in finding.pointers)
        or (found.key[0] == "container" and found.key[1] in finding.containers)
    ]
    if not about:
        return []
    rows = tuple(
        (
            (mark_of_severity(one.severity), said(f" {one.code}  "), said(f"{one.title}: {one.subject}")),
            ("finding", one.code, one.subject),
        )
        for one in about[:_LISTED]
    )
    return [Links("Findings", rows)]


def _leads_to(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(place + "/")


def _channel(channel: Channel, state: State) -> list[Block]:
    """The plots of what the channel is made of, and the way there."""
    blocks: list[Block] = []
    links: list[tuple[Line, Target]] = []
    for pointer in channel.evidence:
        there = objects.at(state.snapshot, pointer)
        if there is not None and there.key not in {target for _, target in links}:
            links.append((title(there), there.key))
            if there.key[0] == "flow":
                blocks += activity.facts(there.item.activity)
            blocks += trends.plots(there, state)
    for latency in state.snapshot.latency:
        if (latency.from_container, latency.to_container, latency.to) == (channel.a, channel.b, channel.via):
            blocks += trends.histogram(latency.histogram)
    return [*blocks, Links("Made of", tuple(links))]


def _container(container: Container) -> list[Block]:
    blocks: list[Block] = []
    if container.cgroup is not None:
        blocks.append(Facts("Control group", fields.rows(container.cgroup)))
    blocks.append(Facts("Requests and limits", fields.rows(container.resources)))
    if container.ports:
        blocks.append(
            Facts(
                "Declared ports",
                tuple((f"{one.port}/{one.protocol}", (said(one.name or ""),)) for one in container.ports),
            )
        )
    if container.probes:
        rows = tuple(
            (
                (Span(f"{one.role} {one.kind} "), said(f"{one.port or one.port_name or ''}{one.path or ''}")),
                ("probe", container.name, one.role),
            )
            for one in container.probes
        )
        blocks.append(Links("Probes", rows))
    if container.processes is not None:
        blocks.append(Facts("Processes", fields.rows(container.processes, frozenset({"top"}))))
    return blocks


def _policy(policy: NetworkPolicy) -> list[Block]:
    """Its rules, a line each: the ports, and who may connect there."""
    directions = (("ingress", policy.ingress, "nobody"), ("egress", policy.egress, "nowhere"))
    return [
        Bullets(
            {"ingress": "May come in", "egress": "May go out"}[kind],
            tuple(neutral(described((rule,)), 600) for rule in rules) or (nobody,),
        )
        for kind, rules, nobody in directions
        if kind in policy.types
    ]


def _path(path: Path, state: State) -> list[Block]:
    """Leg by leg, and the flows and sockets that each is told by."""
    blocks: list[Block] = []
    links: list[tuple[Line, Target]] = []
    for number, leg in enumerate(path.legs, 1):
        ends_line: Line = (
            said(f"{leg.from_container or OUTSIDE} → {leg.to_container or OUTSIDE}", "container"),
        )
        known = fields.rows(leg, frozenset({"evidence", "from_container", "to_container"}))
        blocks.append(Facts(f"Leg {number}", (("leads", ends_line), *known)))
        for pointer in leg.evidence[:5]:
            there = objects.at(state.snapshot, pointer)
            if there is not None:
                links.append((title(there), there.key))
    if told := priced(path.price):
        blocks.append(
            Bullets(
                "What the proxies on it cost",
                (f"{told[0].upper()}{told[1:]}.", "The time that they take for a request: podprobe latency."),
            )
        )
    return [*blocks, Links("Told by", tuple(links))]


def _connections(key: keys.Key, state: State) -> list[Block]:
    sockets = state.sockets(key)
    sockets = sorted(sockets, key=lambda one: -(one.retransmits or 0))
    rows = tuple(
        (
            (said(f"{one.local} → {one.remote}"), said(f"  {one.state}", "dim")),
            ("connection", one.protocol, one.local, one.remote),
        )
        for one in sockets[:_LISTED]
    )
    more = f", the worst {_LISTED} of {len(sockets):,}" if len(sockets) > _LISTED else ""
    return [Links(f"Sockets{more}", rows)]


_MORE: dict[str, Callable[[Found, State], list[Block]]] = {
    "service": lambda found, _: [Facts("Service", fields.rows(found.parent, frozenset({"ports"})))],
    "lookup": lambda found, _: [Facts("resolv.conf", fields.rows(found.parent, frozenset({"lookups"})))],
    "policy": lambda found, _: _policy(found.item),
    "path": lambda found, state: _path(found.item, state),
    "bypass": lambda found, _: _mesh(found),
    "container": lambda found, state: [
        *activity.of_container(found.item.name, state),
        *_container(found.item),
    ],
    "flow": lambda found, state: _connections(found.key, state),
}
"""What is said of a kind of thing besides its fields."""
