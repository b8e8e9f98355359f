"""All that `podprobe latency` finds out: what is meant by its words, the matrix, and what stands in between costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis.containers import container_named
from podprobe.analysis.hops import hops
from podprobe.analysis.latency import distinct
from podprobe.analysis.matrix import cells, endpoints, twins
from podprobe.analysis.meant import contradiction, named, unknown
from podprobe.errors import AgentError, UsageError
from podprobe.measuring.prices import price_of
from podprobe.measuring.rounds import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podprobe.analysis.hops import Hop, Price
    from podprobe.analysis.latency import Kind
    from podprobe.analysis.matrix import Cell, Endpoint
    from podprobe.model import Latency, Snapshot
    from podprobe.session import Session
    from podprobe.targets.base import Progress


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the user asks for."""

    targets: tuple[str, ...] = ()
    """Endpoints in the user's words; every listener where there are none."""
    containers: tuple[str, ...] = ()
    """To probe from; every one where there are none."""
    kind: Kind | None = None
    path: str = "/"
    """Of HTTP requests."""
    count: int = 100
    interval: float = 0.005
    """Seconds."""
    timeout: float = 1.0
    """Seconds."""

    def check(self) -> None:
        """Before anything is opened.

        Raises:
            UsageError: it contradicts itself.
        """
        if not self.path.startswith("/"):
            raise UsageError(f"--path {self.path!r} is no path", "it begins with /")
        for word in self.targets:
            if why := contradiction(word, self.kind):
                raise UsageError(why, "leave --kind out, or name another endpoint")


@dataclass(frozen=True)
class Found:
    """What was measured."""

    latencies: list[Latency]
    pairs: list[tuple[Latency, Latency]]
    """The same server, over TCP and over a unix socket."""
    prices: list[Price]
    notes: list[str]
    """What was left out, and why."""
    interrupted: bool


def survey(session: Session, asked: Asked, progress: Callable[[Progress], None]) -> Found:
    """Measure it. Ctrl-C ends it with what there is until then.

    Raises:
        UsageError: what is asked for is not in the Pod.
        LookError: nothing could be looked at, or nothing be probed.
    """
    target = session.target
    if asked.containers:
        # Before agents start: theirs is for good in the Pod's spec, and a misspelt name costs none.
        state = target.state()
        for name in asked.containers:
            container_named(name, state.containers, state.target.pod)
    snapshot = session.look()
    agents = _from(list(target.agents(progress).agents), asked.containers, target.label)
    wanted = _wanted(snapshot, asked)
    matrix, left_out = cells(snapshot, wanted, agents)
    notes = [*left_out, *filter(None, [unknown(snapshot, wanted)])]
    measured, failed, interrupted = measure(
        session, matrix, count=asked.count, interval=asked.interval, timeout=asked.timeout, progress=progress
    )
    latencies = list(measured.values())
    prices: list[Price] = []
    try:
        for hop in [] if interrupted else _hops(snapshot, asked, agents):
            price, requests, why = price_of(
                session, hop, count=asked.count, timeout=asked.timeout, path=asked.path
            )
            latencies += requests
            if price is not None:
                prices.append(price)
            elif asked.targets or asked.kind == "http":
                notes.append(why)
    except KeyboardInterrupt:
        interrupted = True
    notes += failed
    if interrupted:
        notes.append("interrupted: fewer probes than asked for, and not every price")
    if not latencies:
        raise AgentError(
            f"nothing in {target.label} could be probed" + "".join(f"; {note}" for note in notes[:3])
        )
    return Found(distinct(latencies), _pairs(measured, wanted), prices, notes, interrupted)


def _from(agents: list[str | None], containers: tuple[str, ...], label: str) -> list[str | None]:
    if not containers:
        return agents
    missing = [name for name in containers if name not in agents]
    if missing and agents != [None]:
        known = ", ".join(name for name in agents if name) or "none"
        raise UsageError(f"{label} has no agent in container {missing[0]!r}", f"there are agents in: {known}")
    return list(containers) if not missing else agents


def _wanted(snapshot: Snapshot, asked: Asked) -> list[Endpoint]:
    if not asked.targets:
        found = endpoints(snapshot, asked.kind, asked.path)
        if not found:
            raise UsageError(
                f"nothing listens in {snapshot.target.pod or 'the Pod'} that could be probed"
                + (f" with {asked.kind}" if asked.kind else ""),
                "name an endpoint with --to",
            )
        return list(found)
    wanted: list[Endpoint] = []
    for word in asked.targets:
        meant = named(snapshot, word, asked.kind, asked.path)
        if not meant:
            raise UsageError(
                f"--to {word!r} is no endpoint",
                "say a port, HOST:PORT, the path or @name of a unix socket, or a URL (http:// or http+unix://)",
            )
        wanted += meant
    return wanted


def _hops(snapshot: Snapshot, asked: Asked, agents: Sequence[str | None]) -> list[Hop]:
    """The price is asked of the Pod as a whole, and where HTTP may be spoken."""
    if asked.targets or asked.kind not in (None, "http"):
        return []
    return [hop for hop in hops(snapshot) if hop.proxy in agents or agents == [None]]


def _pairs(measured: dict[Cell, Latency], wanted: Sequence[Endpoint]) -> list[tuple[Latency, Latency]]:
    by_place = {(cell.from_container, cell.endpoint): latency for cell, latency in measured.items()}
    return [
        (by_place[agent, twin.tcp], by_place[agent, twin.unix])
        for twin in twins(wanted)
        for agent in dict.fromkeys(agent for agent, _ in by_place)
        if (agent, twin.tcp) in by_place and (agent, twin.unix) in by_place
    ]
