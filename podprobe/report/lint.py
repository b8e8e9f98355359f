"""What `podprobe lint` found: as lines that editors understand, JSON, and SARIF."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rich.text import Text

from podprobe import __version__
from podprobe.analysis.words import count
from podprobe.model import json_text
from podprobe.report import summary as summaries
from podprobe.report.layout import STYLE
from podprobe.report.neutral import neutral
from podprobe.report.sarif import SCHEMA, suppressions
from podprobe.report.sections.base import SEVERITY_SIGN
from podprobe.report.table import draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.lint import Linted, Remark
    from podprobe.model import Severity

FORMATS = ("table", "json", "sarif")
_LEVEL: dict[Severity, str] = {"critical": "error", "warning": "warning", "info": "note"}


def render(files: Sequence[Linted], output: str, *, color: bool = False, width: int | None = None) -> str:
    """The text for `-o OUTPUT`, one of `FORMATS`."""
    if output == "json":
        return json_text(files) + "\n"
    if output == "sarif":
        return _sarif(files)
    return _lines(files, color=color, width=width)


def _lines(files: Sequence[Linted], *, color: bool, width: int | None) -> str:
    """`FILE:LINE:COLUMN: severity: …`, as compilers write it."""
    parts: list[Text] = []
    for remark in (each for file in files for each in file.remarks):
        found = remark.finding
        parts.append(
            Text.assemble(
                (f"{neutral(remark.file)}:{remark.line}:{remark.column}: ", "bold"),
                (f"{SEVERITY_SIGN[found.severity]} {found.severity}: ", STYLE[found.severity]),
                f"{found.code} {neutral(found.title)}",
                (f"  ({neutral(remark.object)})", "dim"),
            )
        )
        parts += [Text(f"    {neutral(sentence, 600)}") for sentence in found.evidence]
        parts.append(Text(f"    → {neutral(found.remedy, 600)}"))
    return draw(parts, color=color, width=width) if parts else ""


def summary(files: Sequence[Linted]) -> str:
    """What was read and found, in a sentence."""
    pods = sum(file.pods for file in files)
    objects = sum(file.objects for file in files)
    counts = dict.fromkeys(_LEVEL, 0)
    for remark in (each for file in files for each in file.remarks):
        counts[remark.finding.severity] += 1
    found = (
        ", ".join(f"{number} {severity}" for severity, number in counts.items() if number) or "nothing found"
    )
    accepted = summaries.ignored(
        (remark.finding.code, remark.ignored or "") for file in files for remark in file.ignored
    )
    refused = sum(len(file.problems) for file in files)
    errors = count(refused, "error") if refused else ""
    parts = [f"{count(objects, 'object')}, {pods} of them with Pods: {found}", errors, accepted]
    return "; ".join(filter(None, parts))


def _sarif(files: Sequence[Linted]) -> str:
    remarks = [each for file in files for each in (*file.remarks, *file.ignored)]
    rules = {each.finding.code: each.finding for each in sorted(remarks, key=lambda each: each.finding.code)}
    codes = list(rules)
    driver = {
        "name": "podprobe",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": neutral(found.title)},
                "defaultConfiguration": {"level": _LEVEL[found.severity]},
            }
            for code, found in rules.items()
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.finding.code)) for each in remarks],
        "invocations": [_invocation(files)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(files: Sequence[Linted]) -> dict[str, Any]:
    """What could not be judged is no result of the tool, but a notification of its run."""
    problems = [problem for file in files for problem in file.problems]
    return {
        "executionSuccessful": not problems,
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": {"text": neutral(each.message, 600)},
                "locations": [_location(each.file, each.line, each.column)],
            }
            for each in problems
        ],
    }


def _location(file: str, line: int | None, column: int | None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(neutral(file, 1000), safe="/")}}
    if line is not None:
        physical["region"] = {"startLine": line, "startColumn": column}
    return {"physicalLocation": physical}


def _result(remark: Remark, rule: int) -> dict[str, Any]:
    found = remark.finding
    evidence = " ".join(neutral(sentence, 600) for sentence in found.evidence)
    closed = {} if remark.ignored is None else {"suppressions": suppressions(remark.ignored)}
    return {
        **closed,
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": _LEVEL[found.severity],
        "message": {"text": f"{neutral(found.subject)}: {evidence} → {neutral(found.remedy, 600)}"},
        "locations": [
            {
                **_location(remark.file, remark.line, remark.column),
                "logicalLocations": [{"fullyQualifiedName": neutral(remark.object), "kind": "resource"}],
            }
        ],
    }
