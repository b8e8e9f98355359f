"""`/metrics` and `/healthz` over HTTP, beside a watch. Answers come from the last look; nobody waits for one."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from podprobe.errors import UsageError

if TYPE_CHECKING:
    from podprobe.report.prometheus import Metrics

LOOPBACK = "127.0.0.1"
_REQUEST_SECONDS = 10.0
"""A client that sends nothing for so long is hung up on."""


def parse_address(text: str) -> tuple[str, int]:
    """`:9477` (loopback), `0.0.0.0:9477`, `[::1]:9477`.

    Raises:
        UsageError: it is none of these.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(
            f"{text!r} is not an address to listen on", "say :9477, or 0.0.0.0:9477 for all interfaces"
        )
    return host.strip("[]") or LOOPBACK, int(port)


class Server:
    """Serves in threads of its own from `start` until `close`.

    Args:
        address: as `parse_address` returns it; port 0 picks one.
        metrics: what to serve.
        stale_seconds: after so long without a good look, `/healthz` answers 503.

    Raises:
        UsageError: the address cannot be bound.
    """

    def __init__(self, address: tuple[str, int], metrics: Metrics, stale_seconds: float) -> None:
        self._good_at = time.monotonic()
        self._stale_seconds = stale_seconds
        self._problem = "no look yet"
        registry = CollectorRegistry()
        registry.register(metrics)
        host, port = address
        try:
            self._http = _Http((host, port), self, registry)
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host}:{port}: {error.strerror}", "choose another port"
            ) from None
        self._thread = threading.Thread(target=self._http.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._http.server_address[1])

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def looked(self, problem: str = "") -> None:
        """Tell how the last look went; `problem` is empty where it went well."""
        self._problem = problem
        if not problem:
            self._good_at = time.monotonic()

    def health(self) -> tuple[HTTPStatus, str]:
        """Whether looks still succeed."""
        age = time.monotonic() - self._good_at
        if self._problem and age > self._stale_seconds:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"no good look for {age:.0f} s: {self._problem}\n"
        if self._problem == "no look yet":
            return HTTPStatus.SERVICE_UNAVAILABLE, "no look yet\n"
        if age > self._stale_seconds:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"no look for {age:.0f} s\n"
        return HTTPStatus.OK, "ok\n"

    def close(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], server: Server, registry: CollectorRegistry) -> None:
        if ":" in address[0]:
            import socket

            self.address_family = socket.AF_INET6
        self.owner = server
        self.registry = registry
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that hangs up in the middle is its own affair."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    timeout = _REQUEST_SECONDS
    server_version = "podprobe"
    sys_version = ""

    def do_GET(self) -> None:  # http.server's name
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encoder, content_type = choose_encoder(self.headers.get("Accept") or "")
            self._answer(HTTPStatus.OK, content_type, encoder(self.server.registry))
        elif path == "/healthz":
            status, text = self.server.owner.health()
            self._answer(status, "text/plain; charset=utf-8", text.encode())
        else:
            self._answer(
                HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"there are /metrics and /healthz\n"
            )

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Scrapes are no news."""
