"""Metrics sent to an OpenTelemetry collector (OTLP over HTTP), beside a watch: a thread sends, nobody waits for it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from podprobe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricsData

    from podprobe.model import Snapshot, Target

_EXPORT_SECONDS = 5.0
"""For one export, its repetitions included. A collector that is away longer misses looks; it is sent the newest."""
_LOGGER = "opentelemetry.exporter.otlp.proto.http.metric_exporter"
_PATH = "/v1/metrics"


def parse_endpoint(text: str) -> str:
    """`http://collector:4318`, or the whole URL of a receiver of metrics; the first gets the path of the standard.

    Raises:
        UsageError: it is neither.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"{text!r} is not the URL of an OTLP receiver", "say http://collector:4318; gRPC is not spoken"
        )
    return text if parts.path.strip("/") else text.rstrip("/") + _PATH


class OtlpExporter:
    """Sends in a thread of its own from `start` until `close`; what waits when a newer look comes is left out.

    Headers, certificates and compression come from the variables of the OpenTelemetry specification
    (`OTEL_EXPORTER_OTLP_HEADERS`, `…_CERTIFICATE`, `…_COMPRESSION`).

    Args:
        endpoint: as `parse_endpoint` returns it.
        say: told once when the receiver begins to fail, and once when it takes metrics again.

    Raises:
        UsageError: the extra `otlp` is not installed.
    """

    def __init__(self, endpoint: str, say: Callable[[str], None]) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        except ImportError:
            raise UsageError(
                "--otlp needs OpenTelemetry's exporter, which is not installed",
                "pip install 'podprobe[otlp]'",
            ) from None
        self._where = urlsplit(endpoint)._replace(query="").geturl()
        self._say = say
        self._failing = False
        # What went wrong is in the exporter's log only.
        self._reasons = _Reasons()
        logger = logging.getLogger(_LOGGER)
        logger.addHandler(self._reasons)
        logger.propagate = False
        self._exporter = OTLPMetricExporter(endpoint=endpoint, timeout=_EXPORT_SECONDS)
        self._wake = threading.Condition()
        self._next: MetricsData | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)

    def start(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def add(self, snapshot: Snapshot) -> None:
        """Send a look's metrics."""
        from podprobe.report.otlp import metrics_of

        self._put(metrics_of(snapshot))

    def failed(self, target: Target) -> None:
        """Send that a Pod could not be looked at."""
        from podprobe.report.otlp import unseen

        self._put(unseen(target))

    def close(self) -> None:
        """Send what waits, and end. A receiver that has failed already is not waited for."""
        with self._wake:
            self._over = True
            away = self._failing
            if away:
                self._next = None
            self._wake.notify()
        if away:
            self._exporter.shutdown()  # ends the attempt that is under way
        self._thread.join(_EXPORT_SECONDS + 1)
        if not away:
            self._exporter.shutdown()
        logging.getLogger(_LOGGER).removeHandler(self._reasons)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, data: MetricsData) -> None:
        with self._wake:
            self._next = data
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._next is not None or self._over)
                data, self._next = self._next, None
            if data is None:
                return
            self._send(data)

    def _send(self, data: MetricsData) -> None:
        self._reasons.last = ""
        good = self._exporter.export(data).name == "SUCCESS"
        if not good and not self._failing:
            reason = self._reasons.last or "it gives no reason"
            self._say(f"cannot send metrics to {self._where}: {reason}; trying again with every look")
        elif good and self._failing:
            self._say(f"{self._where} takes metrics again")
        self._failing = not good


class _Reasons(logging.Handler):
    """Keeps why an export failed; the exporter's last words, after many attempts, are only that there were many."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(error, Exception):
            self.last = _root(error)
        elif record.levelno >= logging.ERROR and not self.last:
            self.last = " ".join(record.getMessage().split())


def _root(error: BaseException) -> str:
    """What the system said, without the four layers that passed it on: those quote whole metrics."""
    seen: BaseException | None = error
    words = ""
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        words = " ".join(str(seen).split()) or type(seen).__name__
        inner = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
        seen = inner if isinstance(inner, BaseException) else seen.__cause__ or seen.__context__
    return words
