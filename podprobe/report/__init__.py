"""Renderers: snapshots in, text out.

`render` is for a few snapshots at once; `renderer` for many that come one by one: what it returns may be written at
once, and it keeps no snapshot, so memory stays flat in the number of Pods.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from podprobe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.model import Snapshot

Format = Literal["table", "json", "yaml", "markdown", "html", "prometheus", "sarif"]
FORMATS: tuple[str, ...] = get_args(Format)
EXTENSIONS = {"table": "txt", "markdown": "md", "prometheus": "prom"}
"""File name extensions that are not the format's name."""

__all__ = ["EXTENSIONS", "FORMATS", "Format", "Renderer", "render", "renderer"]


class Renderer(Protocol):
    """Turns a stream of snapshots into text. Each piece ends a line; together they are one document."""

    def add(self, snapshot: Snapshot) -> str:
        """The text that can be written now."""

    def failed(self, label: str, reason: str) -> str:
        """A Pod that could not be looked at. Formats that have no place for it say nothing."""

    def end(self) -> str:
        """The rest."""


def renderer(output: str, *, color: bool = False, width: int | None = None, many: bool = False) -> Renderer:
    """A renderer for `-o OUTPUT`.

    Args:
        output: one of `FORMATS`.
        color: write ANSI colours; `table` only.
        width: columns of the terminal; `None`: as wide as the text is, for a file or a pipe.
        many: there may be more than one snapshot: a table is then one line a Pod, worst first, JSON one line a
            snapshot.

    Raises:
        UsageError: there is no such format.
    """
    if output not in FORMATS:
        raise UsageError(f"there is no output format {output!r}", f"choose from: {', '.join(FORMATS)}")
    module = importlib.import_module(f"{__name__}.{output}")
    made: Renderer = module.make(color=color, width=width, many=many)
    return made


def render(
    snapshots: Iterable[Snapshot], output: str, *, color: bool = False, width: int | None = None
) -> str:
    """All snapshots as one text; see `renderer`."""
    found = list(snapshots)
    target = renderer(output, color=color, width=width, many=len(found) != 1)
    return "".join([*map(target.add, found), target.end()])
