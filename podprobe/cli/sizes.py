"""Sizes on the command line."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class ByteSize(click.ParamType[int]):
    """A size as `100MiB`, `1Gi` or a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        if isinstance(value, int):
            return value
        parts = re.fullmatch(r"(\d+)\s*(|[KMG]iB?)", value)
        if not parts:
            self.fail(f"{value!r} is not a size; say 100MiB or 1Gi", param, ctx)
        return int(parts[1]) * _UNITS[parts[2]]


BYTE_SIZE = ByteSize()
