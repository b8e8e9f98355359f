"""Half of the connects to a port of `worker` lose their first segment and take a second. Shows TCP105."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..programs import http
from . import retransmits

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("TCP105",)

ADDRESS = ("127.0.0.1", 7007)


def _listen(ready: Callable[[], None]) -> None:
    listener = http.listen(ADDRESS)
    retransmits.spoil(listener, share=0.5)
    ready()
    http.serve(listener, lambda _: b"\n", accepted=retransmits.repair)


ACTORS = {"worker": _listen}
