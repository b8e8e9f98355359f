"""Asking a target's agents: who is asked for what, how often, and what an earlier answer still says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from podprobe.agents.answers import OWN, SHARED
from podprobe.analysis.answered import Answered, household
from podprobe.analysis.walks import walk_plan
from podprobe.errors import LookError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from podprobe.agents.answers import Areas, Seen
    from podprobe.agents.client import Agent
    from podprobe.analysis.walks import Spot
    from podprobe.looking import SessionOptions
    from podprobe.targets.base import AgentSet, PodState

_EVERY_AGENT = (*OWN, "sysv_shm", "sysv_sem", "sysv_msg", "mqueue")
"""Besides its own container, every agent reads the IPC objects: what it may read depends on its user, and the PIDs
in them on its PID namespace."""
_BY_ROOT = ("mounts", "dev_shm", "cgroup", "dns", "walks")
"""What an agent of a whole Pod reads of each container by one of its processes."""
_SLOW = frozenset(
    {
        "open_files",
        "maps",
        "mounts",
        "dev_shm",
        "locks",
        "mqueue",
        "packet",
        "interfaces",
        "ipc_limits",
        "dns",
        "walks",
    }
)
"""What costs an agent most to read and changes least: asked for every few seconds, however often one looks."""
_SLOW_SECONDS = 5.0
_WALK_SECONDS = 15.0


@dataclass
class _Kept:
    """What an agent said of the slow areas, and when."""

    agent: Agent
    at: float
    areas: Areas
    notes: tuple[Seen, ...] = ()


@dataclass
class Asker:
    """Asks agents, look after look.

    Args:
        options: how to look.
        redact: the user's regular expressions for what must not leave the Pod.
        pool: where requests wait for their answers.
    """

    options: SessionOptions
    redact: Sequence[str]
    pool: Executor
    _kept: dict[tuple[str | None, int], _Kept] = field(default_factory=dict)
    """By the agent's container and the process that it looks through."""
    _walked: dict[str | None, list[Any]] = field(default_factory=dict)
    _walked_at: float = 0.0
    _refused: set[Spot] = field(default_factory=set)
    """Where a walk met what its agent may not read."""

    def ask(self, state: PodState, connected: AgentSet) -> tuple[list[Answered], list[LookError]]:
        """Every agent's answer, the one with the shared areas first, and the errors of those that failed."""
        walk = self._walks(state, frozenset(name for name in connected.agents if name is not None))
        names = list(connected.agents)
        futures = {
            name: self.pool.submit(
                self._look, agent, name, _with_shared() if name == names[0] else _EVERY_AGENT,
                walk.get(name or "", ()),
            )
            for name, agent in connected.agents.items()
        }  # fmt: skip
        answers: list[Answered] = []
        lost: list[LookError] = []
        for name, future in futures.items():
            try:
                answers.append(Answered(name, connected.agents[name].hello, future.result()))
            except LookError as error:
                lost.append(error)
        if answers and answers[0].container != names[0]:
            # The agent that was asked for the shared areas failed: ask the next one, which is alive.
            first = answers[0]
            areas = self._look(connected.agents[first.container], first.container, _with_shared(), ())
            answers[0] = Answered(first.container, first.hello, areas)
        if answers and answers[0].container is None:
            answers += self._ask_by_root(state, connected.agents[None], answers[0])
        elif walk:
            agents = {name: (agent, 1) for name, agent in connected.agents.items() if name is not None}
            self._walk_elsewhere(state, agents, answers)
        return answers, lost

    def _ask_by_root(self, state: PodState, agent: Agent, whole: Answered) -> list[Answered]:
        """Where containers share their processes, one agent sees each container's files through a process of it."""
        people = household(state.containers, [whole])
        roots = {c.name: persons[0].item.pid for c in state.containers if (persons := people.of(c.name))}
        walk = self._walks(state, frozenset(roots))
        futures = {
            name: self.pool.submit(self._look, agent, name, _BY_ROOT, walk.get(name, ()), root_pid)
            for name, root_pid in roots.items()
        }
        answers = []
        for name, future in futures.items():
            try:
                answers.append(Answered(name, agent.hello, future.result()))
            except LookError:
                continue  # the agent is gone: the next look tells, when it asks for everything
        if walk:
            self._walk_elsewhere(state, {name: (agent, pid) for name, pid in roots.items()}, answers)
        return answers

    def _walk_elsewhere(
        self, state: PodState, agents: Mapping[str, tuple[Agent, int]], answers: Sequence[Answered]
    ) -> None:
        """Where a walk was refused something, let another container that has the volume walk it.

        Args:
            state: the Pod.
            agents: by container, with the process that each looks through.
            answers: what walks found is put into them.
        """
        by_name = {answer.container: answer for answer in answers if answer.container in agents}
        walked = {(name, item.path) for name, a in by_name.items() for item in a.areas.items["walks"]}
        for _ in agents:
            for name, answer in by_name.items():
                self._refused.update(
                    (name, item.path) for item in answer.areas.items["walks"] if item.refused
                )
            plan = walk_plan(state.volumes, frozenset(filter(None, by_name)), self._refused)
            again = {
                name: left
                for name, paths in plan.items()
                if (left := [path for path in paths if (name, path) not in walked])
            }
            if not again:
                return
            for name, paths in again.items():
                walked.update((name, path) for path in paths)
                agent, root_pid = agents[name]
                try:
                    found = self._request(agent, ("walks",), paths, root_pid).items["walks"]
                except LookError:
                    continue
                self._walked[name] = [*self._walked.get(name, ()), *found]
                by_name[name].areas.items["walks"] = self._walked[name]

    def _look(
        self, agent: Agent, name: str | None, areas: Sequence[str], walk: Sequence[str], root_pid: int = 1
    ) -> Areas:
        """One agent's answer, the slow areas from before where that was a moment ago."""
        key = (name, root_pid)
        kept = self._kept.get(key)
        now = time.monotonic()
        # Another agent (the container restarted, the stream was lost) knows nothing of what the one before said;
        # neither does one that has become the one with the shared areas.
        fresh = kept is not None and kept.agent is agent and now - kept.at < _SLOW_SECONDS
        if kept is None or not fresh or ("packet" in areas and "interfaces" not in kept.areas.asked):
            answer = self._request(agent, areas, walk, root_pid)
            notes = tuple(note for note in answer.end.visibility if note.area in _SLOW) if answer.end else ()
            self._kept[key] = _Kept(agent, now, answer, notes)
            return self._with_walks(name, answer)
        quick = [area for area in areas if area not in _SLOW]
        answer = self._request(agent, [*quick, "walks"] if walk else quick, walk, root_pid)
        for area in _SLOW & kept.areas.asked:
            if area in kept.areas.items:
                answer.items[area] = answer.items[area] or kept.areas.items[area]
            elif area in kept.areas.values:
                answer.values[area] = kept.areas.values[area]
        if answer.end is not None:
            # A quick area tells of a slow one that it shares a pass with.
            told = tuple(dict.fromkeys((*answer.end.visibility, *kept.notes)))
            answer.end = msgspec.structs.replace(answer.end, visibility=told)
        return self._with_walks(name, answer)

    def _request(self, agent: Agent, areas: Sequence[str], walk: Sequence[str], root_pid: int) -> Areas:
        wanted = [area for area in dict.fromkeys(areas) if area != "walks" or walk]
        answer = agent.look(
            wanted,
            walk=walk,
            walk_seconds=self.options.walk_seconds,
            timeout=self.options.timeout_seconds,
            redact=self.redact,
            root_pid=root_pid,
        )
        answer.asked = frozenset(wanted)
        return answer

    def _walks(self, state: PodState, containers: frozenset[str]) -> Mapping[str, Sequence[str]]:
        """Directories to walk in this look; none where the last count is recent."""
        if not containers or (self._walked and time.monotonic() - self._walked_at < _WALK_SECONDS):
            return {}
        self._walked_at = time.monotonic()
        self._walked.clear()
        return walk_plan(state.volumes, containers, self._refused)

    def _with_walks(self, name: str | None, areas: Areas) -> Areas:
        if areas.items["walks"]:
            self._walked[name] = areas.items["walks"]
        else:
            areas.items["walks"] = self._walked.get(name, [])
        return areas


def _with_shared() -> tuple[str, ...]:
    return (*_EVERY_AGENT, *SHARED)
