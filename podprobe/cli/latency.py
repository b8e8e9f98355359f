"""`podprobe latency`."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from podprobe.cli.options import DURATION, WAIT, access_options, end_progress, show_progress, target_argument
from podprobe.cli.terminal import emit
from podprobe.errors import UsageError

if TYPE_CHECKING:
    from podprobe.analysis.latency import Kind
    from podprobe.measuring import Found
    from podprobe.targets.access import Access


@click.command(
    "latency",
    epilog="""
    \b
    Examples:
      podprobe latency web-7d9f                             every container to every listener
      podprobe latency web-7d9f --to 5000 -c nginx          one path, as a histogram
      podprobe latency web-7d9f --to /run/app.sock          a unix socket
      podprobe latency web-7d9f --kind http --path /health  time to the first byte of the answer
    """,
)
@target_argument()
@click.option(
    "--to",
    "targets",
    metavar="PORT|PATH|URL",
    multiple=True,
    help="Only this endpoint: a port, HOST:PORT, a unix socket's path or @name, a URL; repeatable.",
)
@click.option(
    "-c",
    "--container",
    "containers",
    metavar="NAME",
    multiple=True,
    help="Only from this container; repeatable.",
)
@click.option(
    "--kind",
    type=click.Choice(["tcp", "unix", "http", "udp"]),
    help="Kind of probe.  [default: tcp and unix]",
)
@click.option("--path", default="/", show_default=True, help="What HTTP probes ask for.")
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Probes of each endpoint from each container.",
)
@click.option(
    "--interval", type=DURATION, default="5ms", show_default=True, help="From one probe to the next."
)
@click.option(
    "--timeout", type=WAIT, default="1s", show_default=True, help="The most that one probe may take."
)
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
@click.option(
    "--prices",
    "with_prices",
    is_flag=True,
    help="With -o json: an object that also holds the sidecar's price and TCP against unix socket.",
)
@access_options
def command(
    target: str,
    targets: tuple[str, ...],
    containers: tuple[str, ...],
    kind: Kind | None,
    path: str,
    count: int,
    interval: float,
    timeout: float,
    output: str,
    with_prices: bool,
    access: Access,
) -> None:
    """Measure latency between the containers of a Pod.

    Connects from each container's agent to each listener, and says how long that took: percentiles, the distribution,
    failures by cause. Where one container stands in front of another, what that hop costs.
    """
    from podprobe.measuring import Asked, survey
    from podprobe.session import Session, SessionOptions
    from podprobe.targets.resolve import open_target, parse

    asked = Asked(
        targets=targets, containers=containers, kind=kind, path=path, count=count, interval=interval,
        timeout=timeout,
    )  # fmt: skip
    asked.check()
    if with_prices and output != "json":
        raise UsageError("--prices goes with -o json", "the table tells prices as it is")
    opened = open_target(parse(target), access)
    with Session(opened, SessionOptions(active=False), show_progress) as session:
        try:
            found = survey(session, asked, show_progress)
        finally:
            end_progress()
    _print(found, output, with_prices)


def _print(found: Found, output: str, with_prices: bool) -> None:
    from podprobe.model import json_text
    from podprobe.report.latency import document, page
    from podprobe.report.neutral import neutral

    if output == "json":
        for note in found.notes:
            click.echo(f"podprobe: {neutral(note)}", err=True)
        told: object = found.latencies
        if with_prices:
            told = document(
                found.latencies, found.pairs, found.prices, found.notes, interrupted=found.interrupted
            )
        emit(json_text(told) + "\n")
        return
    terminal = sys.stdout.isatty()
    color = terminal and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size().columns if terminal else None
    text = page(found.latencies, found.pairs, found.prices, found.notes, color=color, width=width)
    emit(text, color=color)
