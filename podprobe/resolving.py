"""Lookups from inside the Pod: which names, how often, and what an earlier round still says.

What is asked is written down in docs/explanation/dns.md. Names of the cluster are asked for only below the cluster's
own domain, and only where the search list shows that the name servers are the cluster's; nothing else goes out that
the user has not named.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from podprobe.analysis.resolver import candidates, cluster_domain, group, settings, within
from podprobe.errors import LookError
from podprobe.model import Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future

    from podprobe.agents.client import Agent
    from podprobe.analysis.answered import Answered
    from podprobe.model import Dns, Lookup, LookupKind
    from podprobe.targets.base import PodState

ALWAYS = "kubernetes.default.svc"
"""The API server's Service, which every cluster has."""
MOST_SERVICES = 3
MOST_RESOLVERS = 4
BUDGET_SECONDS = 2.5
"""For all lookups of one round."""
_EVERY_SECONDS = 30.0
_PATIENCE_SECONDS = 1.0
"""Beyond the budget, for the stream to the agent."""


class Name(NamedTuple):
    """A name to look up, and what it makes the resolver ask for."""

    name: str
    kind: LookupKind
    candidates: tuple[str, ...]


class _Round(NamedTuple):
    lookups: tuple[Lookup, ...]
    note: str | None = None


@dataclass
class Lookups:
    """Looks names up, round after round; between rounds, what the last one brought is told again.

    Args:
        active: queries may be made.
        outside: names that the user wants looked up.
        pool: where they run.
    """

    active: bool
    outside: Sequence[str]
    pool: Executor
    _running: dict[Dns, Future[_Round]] = field(default_factory=dict)
    _done: dict[Dns, _Round] = field(default_factory=dict)
    _began: float | None = None
    _resolvers: tuple[Dns, ...] = ()
    """Those of the last look, without lookups."""

    def start(self, answers: Sequence[Answered], state: PodState, agents: Mapping[str | None, Agent]) -> None:
        """Take the settings of a look's answers, and begin a round where one is due. Does not wait."""
        resolvers = self._resolvers = group(settings(answers))
        now = time.monotonic()
        unknown = any(each not in self._done and each not in self._running for each in resolvers)
        if not self.active or (
            self._began is not None and now - self._began < _EVERY_SECONDS and not unknown
        ):
            return
        self._began = now
        self._done = {each: found for each, found in self._done.items() if each in resolvers}
        for each in resolvers[:MOST_RESOLVERS]:
            names = list(names_for(each, state, self.outside))
            agent = next((agents[name] for name in each.containers if name in agents), agents.get(None))
            if each not in self._running and names and each.servers and agent is not None:
                self._running[each] = self.pool.submit(_look_up, agent, each, names, now)

    def result(self) -> tuple[tuple[Dns, ...], list[Visibility]]:
        """The settings with their lookups, and what was not looked up. Waits only for those that have had none yet."""
        resolvers = self._resolvers
        for each, future in list(self._running.items()):
            if (each in self._done or each not in resolvers) and not future.done():
                continue
            try:
                self._done[each] = future.result(BUDGET_SECONDS + _PATIENCE_SECONDS)
            except TimeoutError:
                continue
            except LookError as error:
                self._done[each] = _Round((), f"no name could be looked up: {error.message}")
            del self._running[each]
        notes = [
            Visibility(area="dns", container=each.containers[0], level="partial", reason=found.note)
            for each, found in self._done.items()
            if found.note and each in resolvers
        ]
        return tuple(
            msgspec.structs.replace(each, lookups=self._done[each].lookups) if each in self._done else each
            for each in resolvers
        ), notes


def names_for(dns: Dns, state: PodState, outside: Sequence[str]) -> Iterator[Name]:
    """What is looked up with these settings."""
    if domain := cluster_domain(dns):
        for name, kind in _own_names(state):
            if asked := within(candidates(dns, name), domain):
                yield Name(name, kind, asked)
    for name in outside:
        yield Name(name, "outside", candidates(dns, name))


def _own_names(state: PodState) -> Iterator[tuple[str, LookupKind]]:
    yield ALWAYS, "cluster"
    own = [service.name for service in state.services if service.type != "ExternalName"]
    for name in own[:MOST_SERVICES]:
        yield name, "own-service"
    target = state.target
    if target.subdomain and target.subdomain in own:
        yield f"{target.hostname or target.pod}.{target.subdomain}", "own-name"


def _look_up(agent: Agent, dns: Dns, names: Sequence[Name], began: float) -> _Round:
    from podprobe.agents.dns import OutOfTimeError, Stub

    stub = Stub(agent.exchange, dns, began + BUDGET_SECONDS)
    found: list[Lookup] = []
    for place, name in enumerate(names):
        left = ", ".join(each.name for each in names[place:])
        if found and all(each.outcome in ("timeout", "unreachable") for each in found):
            return _Round(tuple(found), f"not looked up, as no name server answers: {left}")
        try:
            found += stub.lookup(*name)
        except OutOfTimeError:
            return _Round(tuple(found), f"not looked up, for want of time: {left}")
    return _Round(tuple(found))
