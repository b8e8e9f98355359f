"""Renderers: snapshots in, text out.

`render` is for a few snapshots at once; `renderer` for many that come one by one: what it returns may be written at
once, and it keeps no snapshot, so memory stays flat in the number of Pods.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from podprobe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.model import Snapshot

Format = Literal["table", "json", "yaml", "markdown", "html", "prometheus", "sarif"]
FORMATS: tuple[str, ...] = get_args(Format)
EXTENSIONS = {"table": "txt", "markdown": "md", "prometheus": "prom"}
"""File name extensions that are not the format's name."""

__all__ = ["EXTENSIONS", "FORMATS", "Format", "Look", "Missed", "Renderer", "render", "renderer"]


@dataclass(frozen=True)
class Look:
    """How a report is to look. Each format takes of it what it can."""

    color: bool = False
    """Write ANSI colours; `table` only."""
    width: int | None = None
    """Columns of the terminal; `None`: as wide as the text is, for a file or a pipe. `table` only."""
    many: bool = False
    """There may be more than one snapshot: a table is then one line a Pod, worst first, JSON one line a snapshot."""
    past: Iterable[Snapshot] = ()
    """Of a single snapshot, those before it, oldest first: `html` draws trends."""


@dataclass(frozen=True)
class Missed:
    """A Pod that could not be looked at."""

    namespace: str | None
    """`None` where the target has none (a file, `local:PID`), or it is not known."""
    pod: str
    """Its name; where none of a workload's Pods is known, what was asked for: `deploy/web`."""
    reason: str

    @property
    def label(self) -> str:
        """`namespace/pod` where the namespace is known."""
        return f"{self.namespace}/{self.pod}" if self.namespace else self.pod


class Renderer(Protocol):
    """Turns a stream of snapshots into text. Each piece ends a line; together they are one document."""

    def add(self, snapshot: Snapshot) -> str:
        """The text that can be written now."""

    def failed(self, missed: Missed) -> str:
        """A Pod that could not be looked at. Formats that have no place for it say nothing."""

    def end(self) -> str:
        """The rest."""


def renderer(output: str, look: Look | None = None) -> Renderer:
    """A renderer for `-o OUTPUT`.

    Raises:
        UsageError: there is no such format.
    """
    if output not in FORMATS:
        raise UsageError(f"there is no output format {output!r}", f"choose from: {', '.join(FORMATS)}")
    module = importlib.import_module(f"{__name__}.{output}")
    made: Renderer = module.make(look or Look())
    return made


def render(
    snapshots: Iterable[Snapshot],
    output: str,
    *,
    color: bool = False,
    width: int | None = None,
    past: Iterable[Snapshot] = (),
) -> str:
    """All snapshots as one text; see `Look`."""
    found = list(snapshots)
    target = renderer(output, Look(color=color, width=width, many=len(found) != 1, past=past))
    return "".join([*map(target.add, found), target.end()])
