"""A session's trials of the kubelet's probes: on request, now and then, once each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.trials import outcome, plan
from podprobe.errors import LookError
from podprobe.model import ProbeTrial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor, Future

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.agents.client import Agent
    from podprobe.analysis.trials import Trial
    from podprobe.model import Container, Snapshot
    from podprobe_agent.redact import Redactor

    Tried = dict[tuple[str, str], ProbeTrial]

_EVERY_SECONDS = 10.0


class Trials:
    """Tries probes, and keeps what came of it until the next time.

    Args:
        pool: where they wait for their answers.
        redactor: for what is told of URLs.
    """

    def __init__(self, pool: Executor, redactor: Redactor) -> None:
        self._pool = pool
        self._redactor = redactor
        self._running: list[tuple[Trial, Future[ProbeAnswer]]] = []
        self._tried: Tried = {}
        self._began: float | None = None

    @property
    def due(self) -> bool:
        """It is time to try them again."""
        now = time.monotonic()
        return not self._running and (self._began is None or now - self._began >= _EVERY_SECONDS)

    def start(
        self, declared: Sequence[Container], known: Snapshot, agents: Mapping[str | None, Agent]
    ) -> None:
        """Have each probe tried. Does not wait.

        Args:
            declared: the containers with their probes.
            known: with the Pod's addresses.
            agents: to try them from.
        """
        self._began = time.monotonic()
        trials, left = plan(declared, _address(known))
        every = {(container.name, probe.role) for container in declared for probe in container.probes}
        self._tried = {key: found for key, found in (self._tried | left).items() if key in every}
        for trial in trials:
            agent = agents.get(trial.container) or next(iter(agents.values()))
            self._running.append((trial, self._pool.submit(_try, agent, trial)))

    def result(self) -> Tried:
        """What came of each probe; waits for those that were never tried before."""
        running, self._running = self._running, []
        for trial, future in running:
            key = trial.container, trial.role
            if key in self._tried and not future.done():
                self._running.append((trial, future))
                continue
            try:
                found = outcome(trial, future.result())
            except LookError as error:
                found = ProbeTrial(outcome="not-tried", to=trial.to, detail=error.message)
            self._tried[key] = msgspec.structs.replace(found, to=found.to and self._redactor.text(found.to))
        return dict(self._tried)


def _try(agent: Agent, trial: Trial) -> ProbeAnswer:
    return agent.probe(trial.kind, trial.to, count=1, interval=0.001, timeout=trial.timeout_seconds)


def _address(known: Snapshot) -> str | None:
    """Where the kubelet reaches the Pod."""
    interfaces = (one for one in known.network.interfaces if one.name != "lo")
    others = [address.partition("/")[0] for one in interfaces for address in one.addresses]
    usable = [address for address in others if not address.startswith("fe80")]
    return next(iter((*known.target.ips, *usable)), None)
