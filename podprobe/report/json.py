"""`-o json`: the snapshot itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.model import to_json

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.report import Look

_UNSEEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What JSON leaves as it is and a terminal would obey or hide: DEL, C1, bidirectional and zero-width characters."""


def document(snapshot: Snapshot, indent: int = 2) -> str:
    """The snapshot as JSON."""
    return escaped(to_json(snapshot, indent=indent)) + "\n"


def escaped(text: str) -> str:
    r"""JSON that is safe on a terminal too: `\u202e` is the same string to every JSON reader."""
    return _UNSEEN.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


class _Documents:
    def __init__(self, indent: int) -> None:
        self._indent = indent

    def add(self, snapshot: Snapshot) -> str:
        return document(snapshot, self._indent)

    def failed(self, label: str, reason: str) -> str:  # noqa: ARG002
        return ""

    def end(self) -> str:
        return ""


def make(look: Look) -> _Documents:
    """One snapshot indented; of many, one line each (JSON Lines)."""
    return _Documents(0 if look.many else 2)
