"""What is said of a kind of thing besides its fields: what it is made of, its rules, its sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.policies import described
from podprobe.analysis.proxies.wording import priced
from podprobe.analysis.words import OUTSIDE
from podprobe.report.neutral import neutral
from podprobe.tui.details import activity, fields, objects, trends
from podprobe.tui.details.blocks import MOST_LINKS, Block, Bullets, Facts, Links
from podprobe.tui.details.titles import title
from podprobe.tui.drawing import Line, Span, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Channel, Container, NetworkPolicy, Path
    from podprobe.tui import keys
    from podprobe.tui.details.objects import Found
    from podprobe.tui.drawing import Target
    from podprobe.tui.state import State


def more(found: Found, state: State) -> list[Block]:
    """What follows its fields."""
    write = _MORE.get(str(found.key[0]))
    return write(found, state) if write else []


def of_channel(channel: Channel, state: State) -> list[Block]:
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


def _mesh(found: Found) -> list[Block]:
    """Of what passes a mesh by: the mesh, and how it is known."""
    return [
        Facts("Mesh", fields.rows(found.parent, frozenset({"bypass", "evidence"}))),
        Bullets("Known by", tuple(neutral(one, 600) for one in found.parent.evidence)),
    ]


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
        for one in sockets[:MOST_LINKS]
    )
    more = f", the worst {MOST_LINKS} of {len(sockets):,}" if len(sockets) > MOST_LINKS else ""
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
