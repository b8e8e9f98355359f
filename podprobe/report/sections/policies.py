"""NetworkPolicies, and whom they let reach the Pod's ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.policies import described, verdict
from podprobe.report.sections.base import ABSENT, Cell, Column, Marks, Section, section, text, words
from podprobe.report.sections.judgement import count_port

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.report.sections.base import Tone

_SIGNS: dict[str, tuple[str, Tone]] = {"all": ("●", "ok"), "some": ("◐", "plain"), "none": ("✖", "warning")}


def reach(snapshot: Snapshot, marks: Marks) -> Section:
    """Who may reach each port that is listened on."""
    rows = []
    for index, found in enumerate(snapshot.reach):
        sign, tone = _SIGNS[found.allowed]
        who = text(verdict(found), 200, tone)
        rows.append(
            marks.row(
                f"/reach/{index}",
                count_port(found.port, found.protocol),
                text(found.container, 63),
                Cell(f"{sign} {who.text}", tone=tone),
                words(found.policies),
            )
        )
    columns = (
        Column("port", right=True),
        Column("container"),
        Column("may be reached by"),
        Column("as said by", 1),
    )
    note = "if the cluster's network plugin enforces them"
    return section("reach", "Reach, as NetworkPolicies have it", columns, rows, note=note)


def policies(snapshot: Snapshot, marks: Marks) -> Section:
    """The NetworkPolicies that select the Pod."""
    rows = [
        marks.row(
            f"/network_policies/{index}",
            text(policy.name, 63),
            words(policy.types),
            text(described(policy.ingress), 300) if "ingress" in policy.types else ABSENT,
            text(described(policy.egress, "nowhere"), 300) if "egress" in policy.types else ABSENT,
        )
        for index, policy in enumerate(snapshot.network_policies)
    ]
    columns = (Column("policy"), Column("restricts", 2), Column("may come in"), Column("may go out", 1))
    return section("policies", "NetworkPolicies", columns, rows)
