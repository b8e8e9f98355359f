"""`web`: the front. Serves :8080, and asks `app` over loopback TCP and `worker`'s cache over a unix socket."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import common, http

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_POOL = 4
_POOL_PAUSE_SECONDS = 0.5
_NEW_CONNECTION_PAUSE_SECONDS = 1.0
_WARM_UP_REQUESTS = 40


def run(active: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Serve, with a pool of connections to `app` that stay open, and a new one every second."""
    http.serve_beside(http.listen(common.WEB), _answer)
    common.wait_for(_app_answers)
    warm = threading.Barrier(_POOL + 1)
    for number in range(_POOL):
        threading.Thread(target=_use_pooled_connection, args=(number, warm), daemon=True).start()
    common.wait_for(Path(common.CACHE_SOCKET).exists)
    threading.Thread(target=_use_cache, daemon=True).start()
    warm.wait()
    ready()
    while True:
        try:
            with http.connect(common.APP) as connection:
                http.get(connection, "/fresh", close=True)
        except OSError as error:
            common.log("web.log", f"app: {error}")
        time.sleep(_NEW_CONNECTION_PAUSE_SECONDS)


def _answer(path: str) -> bytes:
    common.log("access.log", f"GET {path}")
    return b"healthy\n" if path == "/healthz" else b"<h1>demo</h1>\n"


def _app_answers() -> bool:
    try:
        with http.connect(common.APP, timeout=1.0):
            return True
    except OSError:
        return False


def _use_pooled_connection(number: int, warm: threading.Barrier) -> None:
    """Ask again and again over one connection; a burst first, so that its counters mean something at the first look."""
    connection: socket.socket | None = None
    requests = 0
    while True:
        try:
            connection = connection or http.connect(common.APP)
            http.get(connection, f"/item/{number}")
        except OSError as error:
            common.log("web.log", f"app: {error}")
            if connection is not None:
                connection.close()
            connection = None
        requests += 1
        if requests == _WARM_UP_REQUESTS:
            warm.wait()
        if requests >= _WARM_UP_REQUESTS:
            time.sleep(_POOL_PAUSE_SECONDS)


def _use_cache() -> None:
    while True:
        try:
            with http.connect(common.CACHE_SOCKET) as connection:
                while True:
                    http.get(connection, "/cached")
                    time.sleep(_POOL_PAUSE_SECONDS)
        except OSError as error:
            common.log("web.log", f"cache: {error}")
            time.sleep(_POOL_PAUSE_SECONDS)
