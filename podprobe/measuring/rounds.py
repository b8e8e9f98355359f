"""The probes: every cell of the matrix in turn, round after round."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.latency import merged
from podprobe.errors import AgentError
from podprobe.targets.base import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podprobe.analysis.matrix import Cell
    from podprobe.model import Latency
    from podprobe.session import Session

ROUND = 25
"""Probes of one cell before the next one has its turn: what disturbs the machine for a while disturbs all alike."""

ROUND_SECONDS = 2.0
"""A round is shorter where probes are far apart: who interrupts loses the round that is under way."""


def measure(
    session: Session,
    cells: Sequence[Cell],
    *,
    count: int,
    interval: float,
    timeout: float,
    progress: Callable[[Progress], None],
) -> tuple[dict[Cell, Latency], list[str], bool]:
    """Probe every cell, one at a time, for probes at the same time would measure one another.

    Ctrl-C ends it with what the rounds have until then.

    Args:
        session: on the Pod.
        cells: the probes.
        count: of each.
        interval: seconds between two of one cell.
        timeout: seconds for each.
        progress: told what is going on.

    Returns:
        What each cell measured, a sentence for each that could not be measured at all, and whether it was interrupted.
    """
    rounds: dict[Cell, list[Latency]] = {cell: [] for cell in cells}
    failed: dict[Cell, str] = {}
    interrupted = False
    try:
        _rounds(session, rounds, failed, count=count, interval=interval, timeout=timeout, progress=progress)
    except KeyboardInterrupt:
        interrupted = True
    found = {cell: _owned(cell, reduce(merged, parts)) for cell, parts in rounds.items() if parts}
    notes = [f"{cell.from_container} → {cell.to}: {reason}" for cell, reason in failed.items()]
    return found, notes, interrupted


def _rounds(
    session: Session,
    rounds: dict[Cell, list[Latency]],
    failed: dict[Cell, str],
    *,
    count: int,
    interval: float,
    timeout: float,
    progress: Callable[[Progress], None],
) -> None:
    most = min(ROUND, max(1, int(ROUND_SECONDS / interval))) if interval > 0 else ROUND
    cells, done = list(rounds), 0
    while done < count:
        step = min(most, count - done)
        for number, cell in enumerate(cells):
            progress(Progress(f"{cell.from_container or 'Pod'} → {cell.to}", None, done * len(cells) + number * step,
                              count * len(cells)))  # fmt: skip
            if cell in failed:
                continue
            try:
                rounds[cell].append(
                    session.probe(
                        cell.from_container,
                        cell.endpoint.kind,
                        cell.to,
                        count=step,
                        interval=interval,
                        timeout=timeout,
                        root_pid=_root_pid(cell),
                    )
                )
            except AgentError as error:
                failed[cell] = error.message
        done += step


def _root_pid(cell: Cell) -> int:
    """Whose files a path is among: the agent's container's, or, with one agent for all, the server's own."""
    return (cell.endpoint.pid or 1) if cell.from_container is None else 1


def _owned(cell: Cell, latency: Latency) -> Latency:
    return msgspec.structs.replace(latency, to_container=latency.to_container or cell.endpoint.container)
