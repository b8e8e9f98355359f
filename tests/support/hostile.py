"""A snapshot in which every string that a Pod can choose is an attack."""

from __future__ import annotations

from typing import Any

import msgspec

from podprobe.model import Snapshot

ATTACK = "\x1b]0;owned\x07\x9b2J\u202e<script>alert(1)</script>|`[x](javascript:1)\"'\n# {{7*7}} \u200b&"
_OURS = {"schema"}


def poison(snapshot: Snapshot, attack: str = ATTACK) -> Snapshot:
    """The snapshot with `attack` in front of every free text. Words of a fixed vocabulary stay."""
    return msgspec.convert(_poisoned(msgspec.to_builtins(snapshot), Snapshot, attack), Snapshot)


def _poisoned(value: Any, kind: Any, attack: str) -> Any:
    described = msgspec.inspect.type_info(kind) if not isinstance(kind, msgspec.inspect.Type) else kind
    if isinstance(described, msgspec.inspect.UnionType):
        if value is None:
            return None
        described = next(part for part in described.types if not isinstance(part, msgspec.inspect.NoneType))
    match described:
        case msgspec.inspect.StrType():
            return attack + value
        case msgspec.inspect.VarTupleType():
            return [_poisoned(item, described.item_type, attack) for item in value]
        case msgspec.inspect.DictType() if isinstance(described.key_type, msgspec.inspect.StrType):
            return {
                attack + key: _poisoned(item, described.value_type, attack) for key, item in value.items()
            }
        case msgspec.inspect.StructType():
            return {
                field.name: value[field.name]
                if field.name in _OURS or field.name not in value
                else _poisoned(value[field.name], field.type, attack)
                for field in described.fields
                if field.name in value
            }
    return value
