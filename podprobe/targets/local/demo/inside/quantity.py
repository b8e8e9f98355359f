"""Kubernetes quantities, as many forms as the demo's manifest has."""

from __future__ import annotations

_UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "m": 0.001, "": 1}


def amount(quantity: str) -> float:
    """The number that a quantity means: `500m` is 0.5, `8Mi` is 8388608."""
    number = quantity.rstrip("KMGim")
    return float(number) * _UNITS[quantity[len(number) :]]
