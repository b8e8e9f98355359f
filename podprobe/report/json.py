"""`-o json`: the snapshot itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.model import to_json

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.report import Look, Missed


def document(snapshot: Snapshot, indent: int = 2) -> str:
    """The snapshot as JSON."""
    return to_json(snapshot, indent) + "\n"


class _Documents:
    def __init__(self, indent: int) -> None:
        self._indent = indent

    def add(self, snapshot: Snapshot) -> str:
        return document(snapshot, self._indent)

    def failed(self, missed: Missed) -> str:  # noqa: ARG002
        return ""

    def end(self) -> str:
        return ""


def make(look: Look) -> _Documents:
    """One snapshot indented; of many, one line each (JSON Lines)."""
    return _Documents(0 if look.many else 2)
