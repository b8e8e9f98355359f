"""A session's active probes: started beside a look, their rounds added up over a minute."""

from __future__ import annotations

import time
from collections import deque
from functools import reduce
from typing import TYPE_CHECKING

from podprobe.analysis.connections import endpoint
from podprobe.analysis.latency import latency_from, merged
from podprobe.analysis.probing import plan, probe_address
from podprobe.errors import LookError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.agents.client import Agent
    from podprobe.analysis.latency import Kind
    from podprobe.analysis.probing import ProbePlan
    from podprobe.model import Latency, Snapshot
    from podprobe.targets.base import AgentSet

    Started = list[tuple[ProbePlan, Future[ProbeAnswer]]]

_WINDOW_SECONDS = 60.0


class Prober:
    """Probes a Pod's listeners, look after look.

    Args:
        pool: where probes wait for their answers.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._rounds: dict[ProbePlan, deque[tuple[float, Latency]]] = {}
        self.connects = 0
        """Connects that were made in all."""

    def start(self, connected: AgentSet, known: Snapshot, count: int) -> Started:
        """Have the listeners of `known` probed, `count` times each at most. Does not wait."""
        plans, _ = plan(known, frozenset(connected.agents))
        agents = connected.agents
        return [
            (item, self._pool.submit(_probe, agents[item.from_container], item.to, item.count(count)))
            for item in plans
        ]

    def finish(self, started: Started) -> tuple[Latency, ...]:
        """Wait for what was started; each with its rounds of the last minute."""
        now = time.monotonic()
        result = []
        for item, future in started:
            try:
                answer = future.result()
            except LookError:
                continue  # a lost agent is already told of by the look itself
            rounds = self._rounds.setdefault(item, deque())
            measured = latency_from(answer, item.from_container, item.to_container, item.to, "tcp")
            self.connects += measured.count
            rounds.append((now, measured))
            while now - rounds[0][0] > _WINDOW_SECONDS:
                rounds.popleft()
            result.append(reduce(merged, (latency for _, latency in rounds)))
        for gone in self._rounds.keys() - {item for item, _ in started}:
            del self._rounds[gone]
        return tuple(result)


def told(
    answer: ProbeAnswer, from_container: str | None, before: Snapshot | None, to: str, kind: Kind
) -> Latency:
    """One probe's answer, with the container that it reached, where the look before knows it."""
    return latency_from(answer, from_container, _owner(before, to), to, kind)


def _probe(agent: Agent, to: str, count: int) -> ProbeAnswer:
    return agent.probe("tcp", to, count=count, interval=0.005, timeout=1.0)


def _owner(snapshot: Snapshot | None, to: str) -> str | None:
    for listener in snapshot.network.listeners if snapshot else ():
        if endpoint(probe_address(listener), listener.port) == to:
            return listener.container
    return None
