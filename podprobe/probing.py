"""A session's active probes: started beside a look, their rounds added up over a minute."""

from __future__ import annotations

import time
from collections import deque
from functools import reduce
from typing import TYPE_CHECKING

from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.filling import Filling
from podprobe.analysis.latency import latency_from, merged
from podprobe.analysis.probing import plan, probe_address
from podprobe.errors import LookError
from podprobe.model import Visibility

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.agents.client import Agent
    from podprobe.analysis.latency import Kind
    from podprobe.analysis.probing import ProbePlan
    from podprobe.model import Latency, Snapshot
    from podprobe.targets.base import AgentSet

    Started = list[tuple[ProbePlan, Future[ProbeAnswer] | None]]
    """Each probe with its answer to come; `None` where none is sent this time."""

_WINDOW_SECONDS = 60.0


class Prober:
    """Probes a Pod's listeners, look after look.

    Args:
        pool: where probes wait for their answers.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._rounds: dict[ProbePlan, deque[tuple[float, Latency]]] = {}
        self._queues: dict[str, Filling] = {}
        self.connects = 0
        """Connects that were made in all."""
        self.left_alone: tuple[Visibility, ...] = ()
        """Listeners that were not probed at the last look, and why."""

    @property
    def waiting(self) -> dict[str, int]:
        """By endpoint, probes that may not have been accepted yet, at most."""
        return {to: filling.own for to, filling in self._queues.items()}

    def start(self, connected: AgentSet, known: Snapshot, count: int) -> Started:
        """Have the listeners of `known` probed, `count` times each at most. Does not wait.

        What a queue has room for is shared among those who probe it.
        """
        plans, _ = plan(known, frozenset(connected.agents))
        agents = connected.agents
        alike: dict[str, list[ProbePlan]] = {}
        for item in plans:
            alike.setdefault(item.to, []).append(item)
        self._queues = {to: self._queues.get(to) or Filling() for to in alike}
        started: Started = []
        notes = []
        for to, those in alike.items():
            room, reason = self._queues[to].allow(known.taken_at, those[0].queue, count * len(those))
            if reason:
                notes.append(_left_alone(those[0], reason))
            for number, item in enumerate(those):
                share = min(count, room // len(those) + (number < room % len(those)))
                asked = self._pool.submit(_probe, agents[item.from_container], to, share) if share else None
                started.append((item, asked))
        self.left_alone = tuple(notes)
        return started

    def finish(self, started: Started) -> tuple[Latency, ...]:
        """Wait for what was started; each with its rounds of the last minute."""
        now = time.monotonic()
        result = []
        for item, future in started:
            rounds = self._rounds.setdefault(item, deque())
            if future is not None:
                try:
                    answer = future.result()
                except LookError:
                    continue  # a lost agent is already told of by the look itself
                measured = latency_from(answer, item.from_container, item.to_container, item.to, "tcp")
                self.connects += measured.count
                self._queues[item.to].sent(measured.count - measured.failures)
                rounds.append((now, measured))
            while rounds and now - rounds[0][0] > _WINDOW_SECONDS:
                rounds.popleft()
            if rounds:
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


def _left_alone(plan: ProbePlan, reason: str) -> Visibility:
    return Visibility(
        area="latency", container=plan.to_container, level="partial", reason=f"{plan.to} is {reason}"
    )


def _owner(snapshot: Snapshot | None, to: str) -> str | None:
    for listener in snapshot.network.listeners if snapshot else ():
        if endpoint(probe_address(listener), listener.port) == to:
            return listener.container
    return None
