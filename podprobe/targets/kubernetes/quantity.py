"""Kubernetes quantities: `100m`, `1.5Gi`, `128974848`, `1e3`."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]+)?([a-zA-Z]*)")
_SUFFIX = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip


def amount(text: str | None) -> float | None:
    """The quantity as a number; `None` where there is none or it cannot be read."""
    found = _QUANTITY.fullmatch(text or "")
    if not found or found[3] not in _SUFFIX:
        return None
    try:
        return float(Decimal(found[1] + (found[2] or "")) * _SUFFIX[found[3]])
    except (InvalidOperation, OverflowError):
        return None


def whole(text: str | None) -> int | None:
    """The quantity as a whole number, rounded up as Kubernetes does."""
    number = amount(text)
    if number is None or number != number or abs(number) == float("inf"):
        return None
    return -int(-number // 1)
