"""`-o html`: one page that needs nothing else and asks nobody anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from podprobe.report import summary, units
from podprobe.report.bars import bars
from podprobe.report.diagram import diagram
from podprobe.report.neutral import neutral, spans
from podprobe.report.sections import sections
from podprobe.report.sections.base import SEVERITY_RANK, SEVERITY_SIGN
from podprobe.report.trends import HEIGHT, WIDTH, trends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jinja2.environment import TemplateModule

    from podprobe.model import Snapshot
    from podprobe.report import Look, Missed

MOST_ROWS = 5000
"""Rows of one table; a browser sorts that many at once."""


@cache
def _templates() -> TemplateModule:
    environment = Environment(
        loader=PackageLoader("podprobe.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["neutral"] = neutral
    environment.filters["spans"] = spans
    return environment.get_template("page.html.j2").module


@cache
def _inline(name: str) -> tuple[Markup, str]:
    """A file of our own to put into the page, and its hash as the page's security policy names it."""
    text = files("podprobe.report").joinpath("templates", name).read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704  # ours, not the Pod's


def article(snapshot: Snapshot, past: Iterable[Snapshot] = ()) -> str:
    """One Pod, as an HTML element; with the snapshots before it, its trends too."""
    ordered = sorted(snapshot.findings, key=lambda found: (SEVERITY_RANK[found.severity], found.code))
    histograms = [drawn for found in snapshot.latency if (drawn := bars(found))]
    return _call(
        "pod",
        line=summary.line(snapshot),
        target=snapshot.target,
        taken_at=units.moment(neutral(snapshot.taken_at, 40)),
        version=snapshot.tool.version,
        findings=ordered,
        ignored=summary.ignored_of(snapshot),
        signs=SEVERITY_SIGN,
        map=diagram(snapshot),
        sections=sections(snapshot, detail=True),
        histograms=histograms,
        trends=trends(chain(past, [snapshot])),
        trend_size=(WIDTH, HEIGHT),
        most_rows=MOST_ROWS,
    )


def _call(macro: str, **values: Any) -> str:
    return str(getattr(_templates(), macro)(**values))


class _Page:
    """The page grows Pod by Pod; the list of all Pods comes last and is shown first."""

    def __init__(self, look: Look) -> None:
        self._lines: list[summary.PodLine] = []
        self._many = look.many
        self._past = look.past
        self._begun = False

    def add(self, snapshot: Snapshot) -> str:
        line = summary.line(snapshot)
        self._lines.append(line)
        return self._begin(line.label) + article(snapshot, self._past)

    def failed(self, missed: Missed) -> str:
        line = summary.failure(missed.label, missed.reason)
        self._lines.append(line)
        return self._begin(line.label)

    def end(self) -> str:
        head = self._begin("no Pods")
        pods = summary.section(self._lines) if self._many else None
        return head + _call("foot", section=pods, signs=SEVERITY_SIGN, most_rows=MOST_ROWS)

    def _begin(self, title: str) -> str:
        if self._begun:
            return ""
        self._begun = True
        style, style_hash = _inline("page.css")
        script, script_hash = _inline("page.js")
        return _call(
            "head",
            title="many Pods" if self._many else title,
            style=style,
            script=script,
            style_hash=style_hash,
            script_hash=script_hash,
        )


def make(look: Look) -> _Page:
    """See `podprobe.report.renderer`."""
    return _Page(look)
