"""The one use case: look at a target through its agents, and again every interval."""

from __future__ import annotations

import importlib
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import msgspec

from podprobe.config import Config
from podprobe.errors import AgentError, LookError
from podprobe.looking import SessionOptions
from podprobe.model import Visibility
from podprobe.targets.base import Progress
from podprobe_agent.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podprobe.administering import Administrator, Asked
    from podprobe.agents.client import Agent
    from podprobe.analysis.latency import Kind
    from podprobe.analysis.tally import Tally
    from podprobe.asking import Asker
    from podprobe.model import Container, Latency, Snapshot
    from podprobe.probing import Prober, Started
    from podprobe.resolving import Lookups
    from podprobe.targets.base import AgentSet, PodState, PodTarget
    from podprobe.trying import Trials

__all__ = ["Session", "SessionOptions"]

_HISTORY = 12
_LOADED_MEANWHILE = (
    "podprobe.asking",
    "podprobe.probing",
    "podprobe.judging",
    "podprobe.resolving",
    "podprobe.administering",
)
"""What it takes once agents answer: their imports take about as long as agents take to start."""


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
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="look")
        self._pool.submit(_load, self.options.active)
        self._connected: AgentSet | None = None
        self._probed: deque[int] = deque([0, 0], maxlen=2)
        """Connects of probes in all, when each of the last two looks was done."""
        self._tally: Tally | None = None
        """What every socket had counted at the last look."""
        self._declared: tuple[Container, ...] = ()
        """As the target told them: the paths of probes have to be asked for as they are."""

    @cached_property
    def _asker(self) -> Asker:
        from podprobe.asking import Asker

        return Asker(self.options, self.config.redact, self._pool)

    @cached_property
    def _prober(self) -> Prober:
        from podprobe.probing import Prober

        return Prober(self._pool)

    @cached_property
    def _administrator(self) -> Administrator:
        from podprobe.administering import Administrator

        return Administrator(self._pool)

    @cached_property
    def _trials(self) -> Trials:
        from podprobe.trying import Trials

        return Trials(self._pool, Redactor(self.config.redact))

    @cached_property
    def _lookups(self) -> Lookups:
        from podprobe.resolving import Lookups

        names = dict.fromkeys((*self.config.dns.outside, *self.options.dns_names))
        return Lookups(self.options.active, tuple(names), self._pool)

    def declared(self) -> Snapshot:
        """What is known without agents, at once: the Pod's spec and status."""
        from podprobe.analysis.assemble import Look
        from podprobe.judging import judged

        began = time.monotonic()
        state = self._state()
        return judged(Look(state, taken_at=time.time(), seconds=time.monotonic() - began), (), self.config)

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
        from podprobe.analysis.assemble import Look, assemble, assembled
        from podprobe.judging import concluded

        known = self._history[-1] if self._history else None
        probes, asked = self._start_probes(connected, known), self._start_asking(connected, known)
        answers, lost = self._asker.ask(state, connected)
        if not answers:
            raise lost[0] if lost else _no_agents(self.target.label, connected)
        self._lookups.start(answers, state, connected.agents)
        notes = [*connected.visibility, *(_lost(error) for error in lost)]
        # Those of this look, which go on beside the reading, are not among them yet, or in part.
        waiting = self._prober.waiting if self.options.active else {}
        look = Look(
            state=state,
            answers=answers,
            lead=answers[0],
            visibility=notes,
            taken_at=wall,
            probes_waiting=waiting,
            all_connections=self.options.all_connections,
        )
        if self.options.try_probes and self._trials.due:
            self._trials.start(self._declared, assemble(look), connected.agents)
        if known is None:
            # The first look has to see the listeners before it can probe them.
            known = assemble(look)
            probes, asked = self._start_probes(connected, known), self._start_asking(connected, known)
        look = replace(look, latency=self._prober.finish(probes), admins=self._administrator.finish(asked))
        if self._history:
            # Those of the look before may have come after it had read the counters.
            look = replace(look, own_probes=self._prober.connects - self._probed[0])
        self._probed.append(self._prober.connects)
        dns, unasked = self._lookups.result()
        trials = self._trials.result() if self.options.try_probes else {}
        left = self._prober.left_alone
        look = replace(
            look,
            trials=trials,
            dns=dns,
            visibility=[*notes, *unasked, *left],
            seconds=time.monotonic() - began,
        )
        snapshot, self._tally = assembled(replace(look, earlier=self._tally))
        snapshot = concluded(snapshot, tuple(self._history), self.config, look.admins)
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
        from podprobe.probing import told

        answer = agent.probe(kind, to, count=count, interval=interval, timeout=timeout, root_pid=root_pid)
        before = self._history[-1] if self._history else None
        return told(answer, from_container or agent.container, before, to, kind)

    def capturer(self) -> Agent:
        """An agent that may capture packets, of those of the last look. May be called from any thread.

        Raises:
            AgentError: none holds NET_RAW, or there is none yet.
        """
        if self._connected is None:
            raise AgentError(
                f"no agent of {self.target.label} answers yet", "try again when the first look is there"
            )
        from podprobe.capturing import capturing_agent

        return capturing_agent(self._connected.agents, self.target.label)

    @property
    def label(self) -> str:
        """What is looked at, as the user would name it: `default/mc3`."""
        return self.target.label

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

    def _state(self) -> PodState:
        """The declared state, without secrets, and without what the user's expressions redact."""
        state = self.target.state()
        redactor = Redactor(self.config.redact)
        self._declared = state.containers
        return replace(
            state, containers=tuple(_without_secrets(container, redactor) for container in state.containers)
        )

    def _start_probes(self, connected: AgentSet, known: Snapshot | None) -> Started:
        if known is None or not self.options.active:
            return []
        count = self.options.probe_count_again if self._history else self.options.probe_count
        return self._prober.start(connected, known, count)

    def _start_asking(self, connected: AgentSet, known: Snapshot | None) -> Asked:
        if known is None or not self.options.active:
            return {}
        return self._administrator.start(connected, known)


def _without_secrets(container: Container, redactor: Redactor) -> Container:
    probes = tuple(
        msgspec.structs.replace(
            probe,
            path=probe.path and redactor.text(probe.path),
            failures=probe.failures
            and msgspec.structs.replace(
                probe.failures, message=probe.failures.message and redactor.text(probe.failures.message)
            ),
        )
        for probe in container.probes
    )
    return msgspec.structs.replace(container, command=redactor.arguments(container.command), probes=probes)


def _load(active: bool) -> None:
    for name in (*_LOADED_MEANWHILE, *(["podprobe.agents.dns"] if active else [])):
        importlib.import_module(name)


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
