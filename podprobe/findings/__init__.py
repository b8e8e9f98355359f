"""Rules: pure functions from a snapshot to findings.

To add one, write a function of a `Look` in the module of its area and decorate it with `rule`: `podprobe explain`
and the reference page are made from what it says there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.config import Config
from podprobe.findings import (
    ipc,
    network,
    processes,
    resources,
    services,
    startup,
    tcp,
    volumes,
)
from podprobe.findings.rule import RULES, Hit, Look, Rule, Threshold, find
from podprobe.model import Finding, Ignored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.config import Ignore
    from podprobe.model import Severity, Snapshot

__all__ = [
    "RULES",
    "SEVERITIES",
    "Hit",
    "Judgement",
    "Look",
    "Rule",
    "Threshold",
    "evaluate",
    "find",
    "judge",
]

_AREAS = (network, tcp, ipc, volumes, processes, resources, startup, services)
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
"""Gravest first."""


def evaluate(
    snapshot: Snapshot,
    history: Sequence[Snapshot] = (),
    config: Config | None = None,
    *,
    manifest_only: bool = False,
) -> tuple[Finding, ...]:
    """The findings of a snapshot; see `judge`."""
    return judge(snapshot, history, config, manifest_only=manifest_only).findings


@dataclass(frozen=True)
class Judgement:
    """What rules found, each by severity, code and subject."""

    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...]
    """What the configuration accepts of it."""


def judge(
    snapshot: Snapshot,
    history: Sequence[Snapshot] = (),
    config: Config | None = None,
    *,
    manifest_only: bool = False,
) -> Judgement:
    """Judge a snapshot.

    Args:
        snapshot: what to judge; its own `findings` do not matter.
        history: the looks at the same Pod before it, oldest first, for rules that need time.
        config: thresholds, and findings that are accepted.
        manifest_only: only rules that a manifest alone can answer.
    """
    settings = config or Config()
    found: list[Finding] = []
    ignored: list[Ignored] = []
    for rule in RULES.values():
        if manifest_only and not rule.manifest:
            continue
        look = Look(snapshot, history, rule.limits(settings.thresholds))
        for hit in rule.check(look):
            finding = _finding(rule, hit)
            reason = next((each.reason for each in settings.ignore if _ignores(each, finding)), None)
            if reason is None:
                found.append(finding)
            else:
                ignored.append(Ignored(finding=finding, reason=reason))
    return Judgement(
        tuple(sorted(found, key=_order)), tuple(sorted(ignored, key=lambda each: _order(each.finding)))
    )


def _order(finding: Finding) -> tuple[int, str, str]:
    return SEVERITIES.index(finding.severity), finding.code, finding.subject


def _finding(rule: Rule, hit: Hit) -> Finding:
    return Finding(
        code=rule.code,
        severity=hit.severity or rule.severities[0],
        title=rule.title,
        subject=hit.subject,
        containers=tuple(dict.fromkeys(name for name in hit.containers if name)),
        evidence=tuple(hit.evidence),
        pointers=tuple(hit.pointers),
        remedy=hit.remedy,
        docs=f"docs/reference/findings.md#{rule.code.lower()}",
    )


def _ignores(ignore: Ignore, finding: Finding) -> bool:
    return ignore.code.upper() == finding.code and (
        ignore.subject is None or ignore.subject in finding.subject
    )
