"""A snapshot as JSON and back, and its JSON Schema."""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from podprobe import __version__
from podprobe.decoding import decode
from podprobe.errors import SnapshotError
from podprobe.model.snapshot import SCHEMA, Snapshot

_UNSEEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What JSON leaves as it is and a terminal would obey or hide: DEL, C1, bidirectional and zero-width characters."""


def to_json(snapshot: Snapshot, indent: int = 2) -> str:
    """The snapshot as JSON text; `indent=0` gives one line."""
    return json_text(snapshot, indent)


def json_text(value: Any, indent: int = 2) -> str:
    r"""Anything that msgspec encodes as JSON that is safe on a terminal too; `indent=0` gives one line.

    All JSON that podprobe writes comes from here: a Pod chooses its names. `\u202e` is the same string to every reader.
    """
    encoded = msgspec.json.encode(value)
    text = (msgspec.json.format(encoded, indent=indent) if indent else encoded).decode()
    return _UNSEEN.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def to_builtins(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as dictionaries, lists, strings and numbers."""
    result: dict[str, Any] = msgspec.to_builtins(snapshot, str_keys=True)
    return result


def from_json(text: str | bytes, source: str = "the snapshot") -> Snapshot:
    """Read a snapshot.

    Args:
        text: JSON of any v1 snapshot, older and newer minor versions alike.
        source: what to call it in errors.

    Raises:
        SnapshotError: it is no JSON, no snapshot, or one of another major version.
    """
    try:
        snapshot = decode(text, Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(text, source, error) from None
    if snapshot.schema != SCHEMA:
        raise SnapshotError(
            f"{source} has schema {snapshot.schema!r}; this podprobe reads {SCHEMA}",
            "use the podprobe version that wrote it",
        )
    return snapshot


class _Writer(msgspec.Struct):
    version: str = ""


class _Head(msgspec.Struct):
    schema: str = ""
    tool: _Writer = msgspec.field(default_factory=_Writer)


def _refused(text: str | bytes, source: str, error: Exception) -> SnapshotError:
    """Why it cannot be read: it is no snapshot, or one of v1 with a value that this version does not know."""
    try:
        head = decode(text, _Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head = _Head()
    if head.schema != SCHEMA:
        return SnapshotError(
            f"{source} is not a podprobe snapshot: {error}", "take one with: podprobe snapshot POD -o json"
        )
    version = head.tool.version[:40]
    if _numbers(version) > _numbers(__version__):
        return SnapshotError(
            f"{source} was written by a newer podprobe ({version}; this is {__version__}): {error}",
            "install the newer one",
        )
    return SnapshotError(
        f"{source} is a snapshot with something in it that podprobe {__version__} does not know: {error}"
    )


def _numbers(version: str) -> tuple[int, ...]:
    """`0.12.1` as (0, 12, 1); what comes after the numbers does not count."""
    return tuple(map(int, re.findall(r"\d{1,9}", version.partition("+")[0])[:3]))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a snapshot."""
    (schema,), components = msgspec.json.schema_components((Snapshot,), ref_template="#/$defs/{name}")
    for part in components.values():
        if "description" in part:
            # A docstring: its indentation is there, or is not, as the version of Python has it.
            part["description"] = inspect.cleandoc(part["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **schema,
        "$defs": components,
    }
