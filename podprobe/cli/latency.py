"""`podprobe latency`."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from podprobe.cli.options import DURATION, WAIT, access_options, end_progress, show_progress, target_argument
from podprobe.cli.terminal import emit
from podprobe.errors import AgentError, UsageError

if TYPE_CHECKING:
    from podprobe.analysis.hops import Hop, Price
    from podprobe.analysis.latency import Kind
    from podprobe.analysis.matrix import Cell, Endpoint
    from podprobe.model import Latency, Snapshot
    from podprobe.targets.access import Access
    from podprobe.targets.base import PodState


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
    from podprobe.analysis.latency import distinct
    from podprobe.analysis.meant import unknown
    from podprobe.measuring import measure, price_of
    from podprobe.session import Session, SessionOptions
    from podprobe.targets.resolve import open_target, parse

    _check_words(targets, kind, path, output, with_prices)
    opened = open_target(parse(target), access)
    prices: list[Price] = []
    with Session(opened, SessionOptions(active=False), show_progress) as session:
        if containers:
            _check(containers, opened.state())
        try:
            snapshot = session.look()
            agents = _from(list(opened.agents(show_progress).agents), containers, opened.label)
            wanted = _wanted(snapshot, targets, kind, path)
            cells, notes = _cells(snapshot, wanted, agents)
            notes += filter(None, [unknown(snapshot, wanted)])
            measured, failed, interrupted = measure(
                session, cells, count=count, interval=interval, timeout=timeout, progress=show_progress
            )
            latencies = list(measured.values())
            hops = [] if interrupted else _hops(snapshot, targets, kind, agents)
            try:
                for hop in hops:
                    price, requests, why = price_of(session, hop, count=count, timeout=timeout, path=path)
                    latencies += requests
                    if price is not None:
                        prices.append(price)
                    elif targets or kind == "http":
                        notes.append(why)
            except KeyboardInterrupt:
                interrupted = True
        finally:
            end_progress()
    latencies = distinct(latencies)
    notes += failed
    if interrupted:
        notes.append("interrupted: fewer probes than asked for, and not every price")
    if not latencies:
        raise AgentError(
            f"nothing in {opened.label} could be probed" + "".join(f"; {note}" for note in notes[:3])
        )
    found = Found(latencies, _pairs(measured, wanted), prices, notes, interrupted)
    _print(found, output, with_prices)


@dataclass(frozen=True)
class Found:
    """What there is to print."""

    latencies: list[Latency]
    pairs: list[tuple[Latency, Latency]]
    """The same server, over TCP and over a unix socket."""
    prices: list[Price]
    notes: list[str]
    interrupted: bool


def _check_words(
    targets: tuple[str, ...], kind: Kind | None, path: str, output: str, with_prices: bool
) -> None:
    from podprobe.analysis.meant import contradiction

    if not path.startswith("/"):
        raise UsageError(f"--path {path!r} is no path", "it begins with /")
    if with_prices and output != "json":
        raise UsageError("--prices goes with -o json", "the table tells prices as it is")
    for word in targets:
        if why := contradiction(word, kind):
            raise UsageError(why, "leave --kind out, or name another endpoint")


def _check(containers: tuple[str, ...], state: PodState) -> None:
    """Before agents start: theirs is for good in the Pod's spec, and a misspelt name costs none."""
    from podprobe.analysis.containers import container_named

    for name in containers:
        container_named(name, state.containers, state.target.pod)


def _from(agents: list[str | None], containers: tuple[str, ...], label: str) -> list[str | None]:
    if not containers:
        return agents
    missing = [name for name in containers if name not in agents]
    if missing and agents != [None]:
        known = ", ".join(name for name in agents if name) or "none"
        raise UsageError(f"{label} has no agent in container {missing[0]!r}", f"there are agents in: {known}")
    return list(containers) if not missing else agents


def _wanted(snapshot: Snapshot, targets: tuple[str, ...], kind: Kind | None, path: str) -> list[Endpoint]:
    from podprobe.analysis.matrix import endpoints
    from podprobe.analysis.meant import named

    if not targets:
        found = endpoints(snapshot, kind, path)
        if not found:
            raise UsageError(
                f"nothing listens in {snapshot.target.pod or 'the Pod'} that could be probed"
                + (f" with {kind}" if kind else ""),
                "name an endpoint with --to",
            )
        return list(found)
    wanted: list[Endpoint] = []
    for word in targets:
        meant = named(snapshot, word, kind, path)
        if not meant:
            raise UsageError(
                f"--to {word!r} is no endpoint",
                "say a port, HOST:PORT, the path or @name of a unix socket, or a URL (http:// or http+unix://)",
            )
        wanted += meant
    return wanted


def _cells(
    snapshot: Snapshot, wanted: list[Endpoint], agents: list[str | None]
) -> tuple[tuple[Cell, ...], list[str]]:
    from podprobe.analysis.matrix import cells

    made, notes = cells(snapshot, wanted, agents)
    return made, list(notes)


def _hops(
    snapshot: Snapshot, targets: tuple[str, ...], kind: Kind | None, agents: list[str | None]
) -> list[Hop]:
    """The price is asked of the Pod as a whole, and where HTTP may be spoken."""
    from podprobe.analysis.hops import hops

    if targets or kind not in (None, "http"):
        return []
    return [hop for hop in hops(snapshot) if hop.proxy in agents or agents == [None]]


def _pairs(measured: dict[Cell, Latency], wanted: list[Endpoint]) -> list[tuple[Latency, Latency]]:
    from podprobe.analysis.matrix import twins

    by_place = {(cell.from_container, cell.endpoint): latency for cell, latency in measured.items()}
    return [
        (by_place[agent, twin.tcp], by_place[agent, twin.unix])
        for twin in twins(wanted)
        for agent in dict.fromkeys(agent for agent, _ in by_place)
        if (agent, twin.tcp) in by_place and (agent, twin.unix) in by_place
    ]


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
