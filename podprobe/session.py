"""The one use case: look at a target through its agents, and again every interval."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import msgspec

from podprobe.analysis.assemble import Look, assemble
from podprobe.analysis.channels import channels
from podprobe.analysis.latency import Kind, latency_from, merged
from podprobe.analysis.policies import reach
from podprobe.analysis.probing import plan
from podprobe.analysis.rates import with_rates
from podprobe.analysis.remembered import with_remembered
from podprobe.analysis.roles import with_roles
from podprobe.analysis.services import services
from podprobe.asking import Asker
from podprobe.capturing import capturing_agent
from podprobe.config import Config
from podprobe.errors import AgentError, LookError
from podprobe.findings import evaluate
from podprobe.looking import SessionOptions
from podprobe.model import Latency, Snapshot, Visibility
from podprobe.targets.base import Progress
from podprobe_agent.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.agents.client import Agent
    from podprobe.analysis.probing import ProbePlan
    from podprobe.targets.base import AgentSet, PodState, PodTarget

__all__ = ["Session", "SessionOptions"]

_HISTORY = 12
_LATENCY_WINDOW_SECONDS = 60.0


class Session:
    """Looks at one target. Keeps the recent looks, for rates and for findings that need time.

    Not thread-safe: one thread looks; snapshots, being frozen, may go anywhere.

    Args:
        target: what to look at; closed with the session.
        options: how.
        progress: told what is going on while the agents start.
        config: thresholds, ignored findings, redaction.
    """

    def __init__(
        self,
        target: PodTarget,
        options: SessionOptions | None = None,
        progress: Callable[[Progress], None] | None = None,
        config: Config | None = None,
    ) -> None:
        self.target = target
        self.options = options or SessionOptions()
        self.config = config or Config()
        self._progress = progress or (lambda _: None)
        self._history: deque[Snapshot] = deque(maxlen=_HISTORY)
        self._rounds: dict[ProbePlan, deque[tuple[float, Latency]]] = {}
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="look")
        self._connected: AgentSet | None = None
        self._asker = Asker(self.options, self.config.redact, self._pool)

    def declared(self) -> Snapshot:
        """What is known without agents, at once: the Pod's spec and status."""
        began = time.monotonic()
        state = self._state()
        return self._judged(Look(state, taken_at=time.time(), seconds=time.monotonic() - began), ())

    def look(self) -> Snapshot:
        """One complete look: declared state, every agent's answer, owners, channels, findings.

        Agents that are missing or lost are started or reconnected first. What could not be seen is in
        `visibility`.

        Raises:
            LookError: nothing could be looked at; see its kinds in `podprobe.errors`.
        """
        began, wall = time.monotonic(), time.time()
        connected = self._connected = self.target.agents(self._progress)
        state = self._state()
        self._progress(Progress("reading sockets, IPC and volumes", total=len(connected.agents)))
        probes = self._start_probes(connected, self._history[-1] if self._history else None)
        answers, lost = self._asker.ask(state, connected)
        if not answers:
            raise lost[0] if lost else _no_agents(self.target.label, connected)
        notes = [*connected.visibility, *(_lost(error) for error in lost)]
        look = Look(
            state=state,
            answers=answers,
            lead=answers[0],
            visibility=notes,
            taken_at=wall,
            all_connections=self.options.all_connections,
        )
        if probes is None:
            # The first look has to see the listeners before it can probe them.
            probes = self._start_probes(connected, assemble(look))
        look = replace(look, latency=self._finish_probes(probes or []), seconds=time.monotonic() - began)
        snapshot = self._judged(look, tuple(self._history))
        self._history.append(snapshot)
        return snapshot

    def probe(
        self,
        from_container: str | None,
        kind: Kind,
        to: str,
        *,
        count: int,
        interval: float,
        timeout: float,
        root_pid: int = 1,
    ) -> Latency:
        """Run one active probe from a container (`None`: any agent).

        Where containers share their processes, `root_pid` is one that has the files which a unix socket is among.

        Raises:
            AgentError: that container has no agent, or it did not answer.
        """
        agents = self.target.agents(self._progress).agents
        agent = agents.get(from_container) or (
            next(iter(agents.values()), None) if from_container is None else None
        )
        agent = agent or agents.get(None)
        if agent is None:
            raise AgentError(
                f"container {from_container!r} of {self.target.label} has no agent to probe from"
            )
        answer = agent.probe(kind, to, count=count, interval=interval, timeout=timeout, root_pid=root_pid)
        before = self._history[-1] if self._history else None
        return latency_from(answer, from_container or agent.container, _owner(before, to), to, kind)

    def capturer(self) -> Agent:
        """An agent that may capture packets, of those of the last look. May be called from any thread.

        Raises:
            AgentError: none holds NET_RAW, or there is none yet.
        """
        if self._connected is None:
            raise AgentError(
                f"no agent of {self.target.label} answers yet", "try again when the first look is there"
            )
        return capturing_agent(self._connected.agents, self.target.label)

    @property
    def past(self) -> Sequence[Snapshot]:
        """The recent looks before the last, oldest first."""
        return tuple(self._history)[:-1]

    def close(self) -> None:
        """Close the target."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.target.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _judged(self, look: Look, history: Sequence[Snapshot]) -> Snapshot:
        before = history[-1] if history else None
        snapshot = with_remembered(with_rates(assemble(look), before), before)
        snapshot = msgspec.structs.replace(snapshot, services=services(snapshot), reach=reach(snapshot))
        snapshot = msgspec.structs.replace(snapshot, channels=channels(snapshot, self.config.thresholds))
        snapshot = with_roles(snapshot)
        return msgspec.structs.replace(snapshot, findings=evaluate(snapshot, history, self.config))

    def _state(self) -> PodState:
        """The declared state, its command lines without what the user's expressions redact, as agents do theirs."""
        state = self.target.state()
        redactor = Redactor(self.config.redact)
        return replace(
            state,
            containers=tuple(
                msgspec.structs.replace(container, command=redactor.arguments(container.command))
                for container in state.containers
            ),
        )

    # --- active probes -------------------------------------------------------------------------------------

    def _start_probes(
        self, connected: AgentSet, known: Snapshot | None
    ) -> list[tuple[ProbePlan, Any]] | None:
        if not self.options.active:
            return []
        if known is None:
            return None
        plans, _ = plan(known, frozenset(connected.agents))
        again = bool(self._history)
        count = self.options.probe_count_again if again else self.options.probe_count
        started = []
        for item in plans:
            agent = connected.agents[item.from_container]
            started.append((item, self._pool.submit(_probe, agent, item.to, count)))
        return started

    def _finish_probes(self, started: Sequence[tuple[ProbePlan, Any]]) -> tuple[Latency, ...]:
        now = time.monotonic()
        result = []
        for item, future in started:
            try:
                answer = future.result()
            except LookError:
                continue  # a lost agent is already told of by the look itself
            rounds = self._rounds.setdefault(item, deque())
            rounds.append((now, latency_from(answer, item.from_container, item.to_container, item.to, "tcp")))
            while now - rounds[0][0] > _LATENCY_WINDOW_SECONDS:
                rounds.popleft()
            result.append(reduce(merged, (latency for _, latency in rounds)))
        for gone in self._rounds.keys() - {item for item, _ in started}:
            del self._rounds[gone]
        return tuple(result)


def _probe(agent: Agent, to: str, count: int) -> ProbeAnswer:
    return agent.probe("tcp", to, count=count, interval=0.005, timeout=1.0)


def _no_agents(label: str, connected: AgentSet) -> AgentError:
    """Why there is no agent at all, in the words of each container."""
    reasons = [f"{v.container or 'the Pod'}: {v.reason}" for v in connected.visibility]
    hints = dict.fromkeys(v.allow for v in connected.visibility if v.allow)
    return AgentError(
        f"no container of {label} can be looked into: {'; '.join(reasons) or 'none runs'}", "; ".join(hints)
    )


def _lost(error: LookError) -> Visibility:
    return Visibility(
        area="agent", container=None, level="none", reason=error.message, allow=error.hint or None
    )


def _owner(snapshot: Snapshot | None, to: str) -> str | None:
    from podprobe.analysis.connections import endpoint
    from podprobe.analysis.probing import probe_address

    for listener in snapshot.network.listeners if snapshot else ():
        if endpoint(probe_address(listener), listener.port) == to:
            return listener.container
    return None
