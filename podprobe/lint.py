"""Findings that a manifest alone shows, each with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from podprobe import __version__
from podprobe.findings import SEVERITIES, judge
from podprobe.model import Finding, Snapshot, Tool
from podprobe.model.base import Model
from podprobe.targets.manifest import place, read

if TYPE_CHECKING:
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
    objects: int
    pods: int
    """Objects that make Pods."""
    remarks: tuple[Remark, ...] = ()
    ignored: tuple[Remark, ...] = ()
    """What the configuration accepts."""


def lint(text: str, file: str, config: Config | None = None) -> Linted:
    """Judge the Pods of a manifest.

    Args:
        text: YAML or JSON, any number of documents.
        file: its name.
        config: thresholds, and findings that are accepted.

    Returns:
        The findings by place.

    Raises:
        TargetError: it is no manifest.
    """
    manifest = read(text, file)
    remarks = [each for template in manifest.templates for each in _remarks(template, file, config)]
    return Linted(
        file=file,
        objects=manifest.objects,
        pods=len(manifest.templates),
        remarks=tuple(sorted((each for each in remarks if each.ignored is None), key=_order)),
        ignored=tuple(sorted((each for each in remarks if each.ignored is not None), key=_order)),
    )


def _order(remark: Remark) -> tuple[int, int, int, str, str]:
    severity = SEVERITIES.index(remark.finding.severity)
    return remark.line, remark.column, severity, remark.finding.code, remark.finding.subject


def _remarks(template: PodTemplate, file: str, config: Config | None) -> list[Remark]:
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
                file=file,
                line=where.line,
                column=where.column,
                object=f"{template.kind}/{state.target.pod}",
                namespace=state.target.namespace,
                finding=finding,
                ignored=reason,
            )
        )
    return remarks
