"""What a finding means, as Markdown: for `podprobe explain`, and for the reference page."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from podprobe.findings import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podprobe.findings import Rule

_AREAS = {
    "network": "Network",
    "tcp": "TCP",
    "ipc": "IPC",
    "volumes": "Volumes",
    "processes": "Processes",
    "resources": "Resources",
    "startup": "Start-up",
    "services": "Services",
}


def explanation(rule: Rule, configured: Mapping[str, float] | None = None, heading: str = "#") -> str:
    """All that is to be said of a rule.

    Args:
        rule: the rule.
        configured: the thresholds of the configuration; those in force are shown.
        heading: the mark of its heading.
    """
    parts = [
        f"{heading} {rule.code}",
        f"**{rule.title}** ({' or '.join(rule.severities)})",
        f"*When.* {rule.condition(configured or {})}",
        f"*Measured by.* {rule.measured}",
        f"*Why it matters.* {rule.why}",
        f"*What to do.* {rule.remedy}",
    ]
    if rule.thresholds:
        values = rule.limits(configured or {})
        lines = ["*Thresholds*, as the configuration names them:", ""]
        for name, threshold in rule.thresholds.items():
            changed = "" if values[name] == threshold.default else f"; {threshold.default:g} by default"
            lines.append(f"- `{rule.code}.{name} = {values[name]:g}`: {threshold.meaning}{changed}")
        parts.append("\n".join(lines))
    if rule.looks > 1:
        parts.append(
            f"One look does not show it: `podprobe watch` or `podprobe tui`, {rule.looks} looks or more."
        )
    if rule.manifest:
        parts.append("`podprobe lint` checks it in manifests.")
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _wrapped(paragraph: str) -> str:
    return "\n".join(
        textwrap.fill(
            line,
            118,
            subsequent_indent="  " if line.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        if line
        else ""
        for line in paragraph.split("\n")
    )


def overview() -> list[tuple[str, str, str]]:
    """Code, severities and title of every rule, by area."""
    ordered = sorted(RULES.values(), key=lambda rule: (list(_AREAS).index(rule.area), rule.code))
    return [(rule.code, "/".join(rule.severities), rule.title) for rule in ordered]


def page() -> str:
    """The reference page of all findings."""
    lines = [
        "# Findings\n",
        (
            "Every finding has a code, a severity, evidence that points into the snapshot, and a remedy. "
            "`podprobe explain CODE` shows one of these entries. [How judgement "
            "works](../explanation/findings.md) tells what a severity means, how thresholds are changed "
            "and findings ignored.\n"
        ),
        "| code | severity | |",
        "|---|---|---|",
    ]
    lines += [f"| [{code}](#{code.lower()}) | {severity} | {title} |" for code, severity, title in overview()]
    for area, title in _AREAS.items():
        rules = sorted((rule for rule in RULES.values() if rule.area == area), key=lambda rule: rule.code)
        lines.append(f"\n## {title}\n")
        lines.append("\n".join(explanation(rule, heading="###") for rule in rules).rstrip("\n"))
    return "\n".join(lines) + "\n"
