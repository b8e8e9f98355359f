"""The details of anything: evidence, history, remedy, every field, and where to look next."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from podprobe.tui.details import activity, fields, findings, objects, parts, trends
from podprobe.tui.details.blocks import Block, Details, Facts, layout
from podprobe.tui.details.titles import title

if TYPE_CHECKING:
    from podprobe.tui import keys
    from podprobe.tui.drawing import Target
    from podprobe.tui.state import State

__all__ = ["Details", "describe", "layout"]

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
"""Fields that are told in another way than one by one."""


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
        return findings.of_finding(found, state)
    blocks: list[Block] = [*findings.about(found, state)]
    if kind == "channel":
        blocks += parts.of_channel(found.item, state)
    if kind in {"flow", "traffic"}:
        blocks += activity.facts(found.item.activity)
    blocks += trends.plots(found, state)
    if kind == "latency":
        blocks += trends.histogram(found.item.histogram)
    skip = _SKIPPED.get(kind, frozenset())
    blocks.append(Facts("", fields.rows(found.item, skip)))
    blocks += parts.more(found, state)
    return Details(title(found), tuple(blocks))
