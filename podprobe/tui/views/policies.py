"""NetworkPolicies that select the Pod, and whom they let reach its ports. Shown where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.policies import described, verdict
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.table import Column, Section, container_column, text_column

if TYPE_CHECKING:
    from podprobe.model import NetworkPolicy, Reach
    from podprobe.tui.state import State


def sections(state: State) -> list[Section]:
    """Who may reach which port, and the policies that say so."""
    snapshot = state.snapshot
    if not snapshot.network_policies:
        return []
    reach = [one for one in snapshot.reach if state.focus is None or one.container in {None, state.focus}]
    empty = "on the host's network: not judged" if snapshot.target.host_network else "no port is listened on"
    return [_reach(reach, empty), _policies(snapshot.network_policies)]


def allowed(found: Reach) -> Line:
    """Who may connect: by sign, colour and words."""
    sign, role = {"all": ("● ", "ok"), "some": ("◐ ", ""), "none": ("✖ ", "warning")}[found.allowed]
    return Span(sign, role), said(verdict(found), role)


def _reach(items: list[Reach], empty: str) -> Section:
    columns = (
        Column(
            "port",
            lambda one: (Span(f":{one.port}", "strong"), Span(f"/{one.protocol}", "dim")),
            lambda one: one.port,
            least=8,
            most=12,
        ),
        container_column("container", lambda one: one.container),
        Column("may be reached by", allowed, lambda one: one.allowed, least=17, most=70),
        text_column(
            "as said by", lambda one: ", ".join(one.policies) or None, least=10, most=40, rank=1, role="dim"
        ),
    )
    return Section(
        "Reach, as NetworkPolicies have it",
        columns,
        items,
        keys.of_reach,
        lambda one: f"reach {one.port} {one.protocol} {one.container} {one.allowed} {' '.join(one.sources)}",
        note="if the cluster's network plugin enforces them",
        empty=empty,
    )


def _policies(items: tuple[NetworkPolicy, ...]) -> Section:
    columns = (
        text_column("policy", lambda one: one.name, least=10, most=30),
        text_column("restricts", lambda one: ", ".join(one.types), least=9, most=16),
        text_column("may come in", ingress, least=14, most=60),
        text_column("may go out", egress, least=14, most=60, rank=1),
    )
    return Section(
        "NetworkPolicies",
        columns,
        items,
        keys.of_policy,
        lambda one: f"policy {one.name} {ingress(one)} {egress(one)}",
    )


def ingress(policy: NetworkPolicy) -> str | None:
    """Who may come in by this policy, where it restricts that."""
    return described(policy.ingress) if "ingress" in policy.types else None


def egress(policy: NetworkPolicy) -> str | None:
    """Where the Pod may connect to by this policy, where it restricts that."""
    return described(policy.egress, "nowhere") if "egress" in policy.types else None
