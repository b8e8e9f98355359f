"""`worker` listens to the outside on a port that no container declares. Shows NET103."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ..programs import http

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET103",)

PORT = 6060


def _listen(ready: Callable[[], None]) -> None:
    http.serve_beside(http.listen(("0.0.0.0", PORT)), lambda _: b"profile\n")  # noqa: S104  # the fault
    ready()
    signal.pause()


ACTORS = {"worker": _listen}
