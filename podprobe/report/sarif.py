"""`-o sarif`: findings for code-scanning user interfaces (SARIF 2.1.0, OASIS standard)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from podprobe import __version__
from podprobe.report.neutral import neutral

if TYPE_CHECKING:
    from podprobe.model import Finding, Severity, Snapshot
    from podprobe.report import Look, Missed

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: dict[Severity, str] = {"critical": "error", "warning": "warning", "info": "note"}


class _Log:
    """One run. Findings are kept, snapshots are not."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, Any]] = {}
        self._results: list[dict[str, Any]] = []
        self._notifications: list[dict[str, Any]] = []

    def add(self, snapshot: Snapshot) -> str:
        for finding in snapshot.findings:
            rule = self._rule(finding)
            self._results.append(_result(finding, snapshot, rule))
        for each in snapshot.ignored:
            result = _result(each.finding, snapshot, self._rule(each.finding))
            self._results.append({**result, "suppressions": suppressions(each.reason)})
        return ""

    def failed(self, missed: Missed) -> str:
        text = f"{neutral(missed.label)} could not be looked at: {neutral(missed.reason, 1000)}"
        self._notifications.append({"level": "error", "message": {"text": text}})
        return ""

    def end(self) -> str:
        invocation: dict[str, Any] = {"executionSuccessful": not self._notifications}
        if self._notifications:
            invocation["toolExecutionNotifications"] = self._notifications
        driver = {
            "name": "podprobe",
            "semanticVersion": __version__,
            "rules": list(self._rules.values()),
        }
        run = {
            "tool": {"driver": driver},
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "results": self._results,
        }
        return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"

    def _rule(self, finding: Finding) -> int:
        code = neutral(finding.code, 20)
        if code not in self._rules:
            rule: dict[str, Any] = {
                "id": code,
                "shortDescription": {"text": neutral(finding.title)},
                "help": {
                    "text": f"What it means, how it is measured and what to do: podprobe explain {code}"
                },
                "defaultConfiguration": {"level": _LEVEL[finding.severity]},
            }
            if finding.docs.startswith("https://"):
                rule["helpUri"] = quote(neutral(finding.docs, 500), safe=":/#?=&%.-_~")
            self._rules[code] = rule
        return list(self._rules).index(code)


def _result(finding: Finding, snapshot: Snapshot, rule: int) -> dict[str, Any]:
    target = snapshot.target
    evidence = " ".join(neutral(fact) for fact in finding.evidence)
    text = (
        f"{neutral(finding.title)}: {neutral(finding.subject)}. {evidence} → {neutral(finding.remedy, 600)}"
    )
    pod = "/".join(filter(None, ("namespaces", target.namespace, "pods", target.pod)))
    places = [f"{pod}/containers/{name}" for name in finding.containers] or [pod]
    return {
        "ruleId": neutral(finding.code, 20),
        "ruleIndex": rule,
        "level": _LEVEL[finding.severity],
        "message": {"text": text},
        "locations": [
            {
                # Code-scanning services want a file; a Pod is none, so it is named by its path in the API.
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(neutral(pod), safe="/")},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": neutral(place, 600), "kind": "resource"} for place in places
                ],
            }
        ],
        "partialFingerprints": {"podprobe/v1": _fingerprint(finding, snapshot)},
    }


def suppressions(reason: str) -> list[dict[str, str]]:
    """That the user's configuration accepts a result, which then counts as closed (SARIF 2.1.0, 3.27.23)."""
    return [{"kind": "external", "status": "accepted", "justification": neutral(reason, 600)}]


def _fingerprint(finding: Finding, snapshot: Snapshot) -> str:
    """The same for the same finding in the next look, and in the Pod that replaces this one."""
    target = snapshot.target
    about = [target.namespace or "", target.owner or target.pod, finding.code, finding.subject]
    return hashlib.sha256("\0".join(about).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def make(look: Look) -> _Log:  # noqa: ARG001
    """See `podprobe.report.renderer`."""
    return _Log()
