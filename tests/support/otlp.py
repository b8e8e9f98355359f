"""A receiver of OTLP over HTTP that keeps what it is sent: metrics as the standard's own protobuf decodes them."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver:
    """What came in; `status` is what it answers with."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.came = threading.Condition()
        self.port = 0

    def wait(self, number: int, seconds: float = 30.0) -> None:
        """Until so many requests have come."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.requests) >= number, seconds), len(self.requests)


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """Listens on loopback, at `/v1/metrics`."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            right = self.path == "/v1/metrics" and self.headers["Content-Type"] == "application/x-protobuf"
            with kept.came:
                kept.headers.append(dict(self.headers))
                kept.requests.append(ExportMetricsServiceRequest.FromString(body))
                kept.came.notify_all()
            self.send_response(kept.status if right else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportMetricsServiceResponse().SerializeToString())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
