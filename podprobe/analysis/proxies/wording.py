"""Paths and their price in words, for whoever shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.words import OUTSIDE, listed, micros, size

if TYPE_CHECKING:
    from podprobe.model import Leg, Path, Price


def origin(path: Path) -> str:
    """Where the requests come from: `outside`, `outside, by Service web:80`, a container."""
    first = path.legs[0].from_container if path.legs else None
    if first is not None:
        return first
    return f"{OUTSIDE}, by Service {listed(path.services)}" if path.services else OUTSIDE


def place(leg: Leg) -> str:
    """`nginx :80`, `webapp app.sock`, `outside 10.9.0.1:443`: whom a leg leads to, in few letters."""
    if leg.to_container is None:
        return f"{OUTSIDE} {leg.to}"
    end = leg.to.rpartition("/")[2] if leg.kind == "unix" else f":{leg.to.rpartition(':')[2]}"
    return f"{leg.to_container} {end}"


def sentence(path: Path) -> str:
    """`outside, by Service web:80 → nginx :80 → webapp :5000`."""
    return " → ".join([origin(path), *map(place, path.legs)])


def priced(price: Price) -> str:
    """`adds at least 48 µs, takes 0.02 cores and 24 MiB`; empty where nothing is known."""
    takes = []
    if price.cpu_cores is not None:
        takes.append(f"{price.cpu_cores:.3f}".rstrip("0").rstrip(".") + " cores")
    if price.memory_bytes is not None:
        takes.append(size(price.memory_bytes))
    adds = f"adds at least {micros(price.round_trip_us)}" if price.round_trip_us is not None else ""
    return ", ".join(filter(None, (adds, f"takes {listed(takes)}" if takes else "")))
