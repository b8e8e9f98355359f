"""`metrics`: the exporter. Scrapes `app` over loopback and serves :9090."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..faults import start_race
from . import common, http

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_SECONDS = 1.0


def run(active: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Scrape once a second. A port that is taken ends the program, as it does with real exporters."""
    page = [b""]
    if start_race.NAME in active:
        _insist_on_app()
    else:
        common.connect_when_there(common.APP).close()
    try:
        listener = http.listen(common.METRICS)
    except OSError as error:
        raise SystemExit(
            f"listen tcp {common.METRICS[0]}:{common.METRICS[1]}: bind: {error.strerror}"
        ) from None
    http.serve_beside(listener, lambda _: page[0])
    ready()
    while True:
        try:
            with http.connect(common.APP) as connection:
                while True:
                    page[0] = http.get(connection, "/metrics")
                    time.sleep(_PAUSE_SECONDS)
        except OSError:
            page[0] = b"up 0\n"
            time.sleep(_PAUSE_SECONDS)


def _insist_on_app() -> None:
    try:
        http.connect(common.APP).close()
    except OSError as error:
        raise SystemExit(f"dial tcp {common.APP[0]}:{common.APP[1]}: connect: {error.strerror}") from None
