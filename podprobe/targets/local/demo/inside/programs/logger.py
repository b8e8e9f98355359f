"""`logger`: the log shipper beside the others. Reads what they log in the shared volume, and rotates it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import common

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PAUSE_SECONDS = 1.0
_ROTATE_BYTES = 64 << 10


def run(active: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Follow every log file."""
    places: dict[str, int] = {}
    ready()
    while True:
        for path in common.LOGS.glob("*.log"):
            places[path.name] = _follow(path, places.get(path.name, 0))
        time.sleep(_PAUSE_SECONDS)


def _follow(path: Path, place: int) -> int:
    """Read what is new; returns where to go on."""
    with path.open("rb") as file:
        file.seek(place)
        place += len(file.read())
    if place < _ROTATE_BYTES:
        return place
    path.rename(path.with_suffix(".old"))
    return 0
