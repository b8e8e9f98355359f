"""`podprobe watch`."""

from __future__ import annotations

import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podprobe.cli.options import (
    INTERVAL,
    access_options,
    end_progress,
    look_options,
    show_progress,
    target_argument,
)
from podprobe.cli.sizes import BYTE_SIZE
from podprobe.cli.terminal import write_whole
from podprobe.errors import LookError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.exporting import OtlpExporter
    from podprobe.model import Snapshot
    from podprobe.report.prometheus import Metrics
    from podprobe.serving import Server
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access
    from podprobe.targets.recording import Recorder


@click.command(
    "watch",
    epilog="""
    \b
    Examples:
      podprobe watch web-7d9f                              JSON Lines, one snapshot a line
      podprobe watch web-7d9f --plain                      what changes, in sentences
      podprobe watch web-7d9f -i 10s --listen :9477 -q     Prometheus metrics on 127.0.0.1:9477/metrics
      podprobe watch web-7d9f -i 10s --otlp http://collector:4318 -q
      podprobe watch web-7d9f --record web.jsonl -q        a recording, for podprobe replay
    """,
)
@target_argument()
@click.option("-i", "--interval", type=INTERVAL, default="2s", show_default=True, help="Time between looks.")
@click.option("--count", type=click.IntRange(1), help="End after so many snapshots.")
@click.option("--plain", is_flag=True, help="Say what changes in sentences, for a log or a screen reader.")
@click.option("-q", "--quiet", is_flag=True, help="Write nothing to stdout.")
@click.option(
    "--listen", metavar="[HOST]:PORT", help="Serve /metrics and /healthz; on loopback where no host is named."
)
@click.option(
    "--otlp", metavar="URL", help="Send metrics to an OpenTelemetry collector (OTLP over HTTP; extra otlp)."
)
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Append to a recording."
)
@click.option(
    "--rotate",
    type=BYTE_SIZE,
    default="100MiB",
    show_default=True,
    help="Begin a new recording file at this size.",
)
@click.option(
    "--keep", type=click.IntRange(0), default=5, show_default=True, help="Older recording files to keep."
)
@access_options
@look_options
def command(
    target: str,
    interval: float,
    count: int | None,
    plain: bool,
    quiet: bool,
    listen: str | None,
    otlp: str | None,
    record: Path | None,
    rotate: int,
    keep: int,
    access: Access,
    options: SessionOptions,
) -> None:
    """Look at a Pod again and again.

    A look that fails is a line on stderr, and is tried again. Ends at an interrupt (Ctrl+C) or SIGTERM, with 0.
    """
    from podprobe.exporting import OtlpExporter, parse_endpoint
    from podprobe.opening import open_looker
    from podprobe.report.prometheus import Metrics
    from podprobe.serving import Server, parse_address
    from podprobe.targets.recording import Recorder
    from podprobe.watching import watch

    stopping = _Stopping()
    metrics = Metrics()
    with ExitStack() as stack:
        try:
            recorder = (
                stack.enter_context(Recorder(record, rotate_bytes=rotate, keep=keep)) if record else None
            )
            server = None
            if listen:
                server = stack.enter_context(
                    Server(parse_address(listen), metrics, stale_seconds=30 + 5 * interval)
                )
            exporter = stack.enter_context(OtlpExporter(parse_endpoint(otlp), _say)) if otlp else None
            looker = stack.enter_context(open_looker(target, access, options, show_progress))
            told = _Told(
                plain=plain, quiet=quiet, metrics=metrics, server=server, exporter=exporter, recorder=recorder
            )
            for result in watch(looker, interval, count=count):
                end_progress()
                with stopping.later():
                    told.failure(result) if isinstance(result, LookError) else told.snapshot(result)
        except _StoppedError:
            end_progress()
        except LookError:
            end_progress()
            raise


class _StoppedError(BaseException):
    """Somebody wants this to end."""


class _Stopping:
    """SIGINT and SIGTERM end the watch: a look at once, a line that is being written when it is whole."""

    def __init__(self) -> None:
        self._busy = False
        self._wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    @contextmanager
    def later(self) -> Iterator[None]:
        """What runs inside is not interrupted."""
        self._busy = True
        yield
        self._busy = False
        if self._wanted:
            raise _StoppedError

    def _stop(self, _number: int, _frame: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # whoever asks twice need not wait for the goodbyes
        self._wanted = True
        if not self._busy:
            raise _StoppedError


class _Told:
    """Everyone who is told of a look."""

    def __init__(
        self,
        *,
        plain: bool,
        quiet: bool,
        metrics: Metrics,
        server: Server | None,
        exporter: OtlpExporter | None,
        recorder: Recorder | None,
    ) -> None:
        from podprobe.report import Look, renderer

        self._plain = plain
        self._quiet = quiet
        self._metrics = metrics
        self._server = server
        self._exporter = exporter
        self._recorder = recorder
        self._lines = renderer("json", Look(many=True))
        self._last: Snapshot | None = None

    def snapshot(self, snapshot: Snapshot) -> None:
        from podprobe.report.plain import another, sentences

        last = self._last.target if self._last else None
        if self._last and last and another(self._last, snapshot):
            # A workload's next Pod: what was true of the last one is no longer asked for.
            self._metrics.forget(last.namespace, last.pod)
            _say(f"{last.pod} is gone; looking at {snapshot.target.pod} now")
        if self._server:
            self._metrics.add(snapshot)
            self._server.looked()
        if self._exporter:
            self._exporter.add(snapshot)
        if self._recorder:
            self._recorder.write(snapshot)
        if self._plain:
            text = "".join(f"{line}\n" for line in sentences(self._last, snapshot))
        else:
            text = self._lines.add(snapshot)
        if text and not self._quiet:
            write_whole(text)
        self._last = snapshot

    def failure(self, error: LookError) -> None:
        from podprobe.report.neutral import neutral

        target = self._last.target if self._last else None
        if self._server and target:
            self._metrics.failed(target.namespace, target.pod)
            self._server.looked(neutral(error.message))
        if self._exporter and target:
            self._exporter.failed(target)
        _say(f"{error.message}; trying again")


def _say(text: str) -> None:
    from podprobe.report.neutral import neutral

    end_progress()
    click.echo(f"podprobe: {neutral(text, 1000)}", err=True)
