"""Findings that a manifest alone shows, each with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from podprobe import __version__
from podprobe.findings import SEVERITIES, judge
from podprobe.model import Finding, Snapshot, Tool
from podprobe.model.base import Model
from podprobe.targets.manifest import Manifest, Problem, place, read, templates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.config import Config
    from podprobe.targets.manifest import PodTemplate


class Remark(Model, frozen=True, kw_only=True):
    """A finding and where the manifest says what it is about."""

    file: str
    line: int
    column: int
    object: str
    """`Deployment/web`."""
    namespace: str | None = None
    finding: Finding
    ignored: str | None = None
    """Why the configuration accepts it, where it does."""


class Linted(Model, frozen=True, kw_only=True):
    """What was found in one file."""

    file: str
    objects: int = 0
    pods: int = 0
    """Objects that make Pods."""
    remarks: tuple[Remark, ...] = ()
    ignored: tuple[Remark, ...] = ()
    """What the configuration accepts."""
    problems: tuple[Problem, ...] = ()
    """Why the file, or objects in it, could not be judged."""


def lint(texts: Iterable[tuple[str, str | Problem]], config: Config | None = None) -> tuple[Linted, ...]:
    """Judge the Pods of manifests, each with the Services of all of them.

    Args:
        texts: files by name: YAML or JSON, any number of documents; or why a file cannot be read.
        config: thresholds, and findings that are accepted.

    Returns:
        A part for each file, with the findings that it has the place of.
    """
    manifests = [
        Manifest(file, problems=(text,)) if isinstance(text, Problem) else read(text, file)
        for file, text in texts
    ]
    made, refused = templates(manifests)
    remarks: dict[str, list[Remark]] = {}
    for template in made:
        for remark in _remarks(template, config):
            remarks.setdefault(remark.file, []).append(remark)
    problems: dict[str, list[Problem]] = {}
    for problem in (*(problem for each in manifests for problem in each.problems), *refused):
        problems.setdefault(problem.file, []).append(problem)
    return tuple(
        _linted(manifest, remarks.pop(manifest.file, []), problems.pop(manifest.file, []))
        for manifest in manifests
    )


def _linted(manifest: Manifest, remarks: Iterable[Remark], problems: Iterable[Problem]) -> Linted:
    found = sorted(remarks, key=_order)
    return Linted(
        file=manifest.file,
        objects=manifest.objects,
        pods=len(manifest.pods),
        remarks=tuple(each for each in found if each.ignored is None),
        ignored=tuple(each for each in found if each.ignored is not None),
        problems=tuple(sorted(problems, key=_where)),
    )


def _where(problem: Problem) -> tuple[int, int]:
    return problem.line or 0, problem.column or 0


def _order(remark: Remark) -> tuple[int, int, int, str, str]:
    severity = SEVERITIES.index(remark.finding.severity)
    return remark.line, remark.column, severity, remark.finding.code, remark.finding.subject


def _remarks(template: PodTemplate, config: Config | None) -> list[Remark]:
    state = template.state
    snapshot = Snapshot(
        tool=Tool(version=__version__),
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_ms=0.0,
        target=state.target,
        containers=state.containers,
        volumes=state.volumes,
        services=state.services,
    )
    remarks = []
    found = judge(snapshot, (), config, manifest_only=True)
    for finding, reason in (
        *((each, None) for each in found.findings),
        *((each.finding, each.reason) for each in found.ignored),
    ):
        where = place(template, finding.pointers[0] if finding.pointers else "")
        remarks.append(
            Remark(
                file=where.file,
                line=where.line,
                column=where.column,
                object=f"{template.kind}/{state.target.pod}",
                namespace=state.target.namespace,
                finding=finding,
                ignored=reason,
            )
        )
    return remarks
