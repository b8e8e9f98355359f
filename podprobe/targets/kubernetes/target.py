"""A Pod on a cluster, looked at through agents in ephemeral containers."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from podprobe.agents.bootstrap import COMMAND
from podprobe.agents.client import Agent
from podprobe.errors import AgentError, LookError, TargetError
from podprobe.model import Visibility
from podprobe.targets.base import AgentSet, PodState, Progress
from podprobe.targets.kubernetes import coverage, identity, lookable
from podprobe.targets.kubernetes.agents import MARK
from podprobe.targets.kubernetes.around import Around
from podprobe.targets.kubernetes.cleanup import end_agents
from podprobe.targets.kubernetes.ephemeral import Ephemerals
from podprobe.targets.kubernetes.exec import open_exec
from podprobe.targets.kubernetes.resolve import pod_named, pod_of
from podprobe.targets.kubernetes.state import pod_state
from podprobe.targets.kubernetes.wants import Outcome, Want, wants_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podprobe.targets.access import AgentsMode, Profile
    from podprobe.targets.kubernetes.agents import Holder
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import LinuxUser, Pod

_FIRST_BACKOFF, _LONGEST_BACKOFF = 5.0, 120.0
"""Seconds before another agent is added for a container whose last one ended: containers that restart in a loop
would else fill the Pod's spec."""
_RECENT_SECONDS = 1.5
"""Agents are kept by a Pod that was read so long ago at most: at a look a second, for the look before."""
_NOW_SECONDS = 0.5
"""What is told of the Pod was read so long ago at most."""


class KubernetesTarget:
    """One Pod. Implements `podprobe.targets.base.PodTarget`.

    A workload is resolved once, to one Pod: later looks are at the same Pod, by its uid.

    Args:
        api: the API server, and as whom.
        namespace: of the Pod.
        target: `pod/NAME`, `deploy/NAME`, …
        image: of the agents.
        ttl: their lifetime at rest, in seconds.
        profile: their privileges.
        mode: one agent in each container, or a single one.
    """

    def __init__(
        self, api: Api, namespace: str, target: str, *, image: str, ttl: int, profile: Profile = "mirror",
        mode: AgentsMode = "each",
    ) -> None:  # fmt: skip
        self._api = api
        self._namespace = namespace
        self._target = target
        self._image = image
        self._ttl = ttl
        self._profile: Profile = profile
        self._mode: AgentsMode = mode
        self._lock = threading.Lock()
        self._pod: Pod | None = None
        self._read_at = 0.0
        self._agents: dict[str | None, Agent] = {}
        self._ids: dict[str | None, str | None] = {}
        self._notes: dict[str | None, list[Visibility]] = {}
        self._users: dict[str, LinuxUser] = {}
        self._starts: dict[str | None, tuple[int, float]] = {}
        self._around = Around(api)

    @property
    def label(self) -> str:
        """How the user would name it: `default/mc3`."""
        return f"{self._namespace}/{self._pod.metadata.name if self._pod else self._target.partition('/')[2]}"

    @property
    def live(self) -> bool:
        """Agents can be had."""
        return True

    def state(self) -> PodState:
        """The Pod's declared state now, its Services and NetworkPolicies.

        Raises:
            TargetError: the Pod does not exist (any more).
            AccessError: reading it is not allowed.
        """
        pod = self._read(_NOW_SECONDS)
        known = self._around.ask(pod).result()
        return pod_state(
            pod, context=self._api.connection.context, services=known.services, network_policies=known.policies,
            visibility=known.notes, probe_failures=known.failures,
        )  # fmt: skip

    def agents(self, progress: Callable[[Progress], None]) -> AgentSet:
        """Connect to the agents, starting those that are missing, and reconnecting those that were lost.

        Raises:
            AgentError: no agent at all could be had.
            AccessError: starting one is not allowed.
            TargetError: the Pod is gone, or nothing runs in it.
        """
        with self._lock:
            pod = self._read(_RECENT_SECONDS)
            self._around.ask(pod)
            self._forget_lost(pod)
            wants = [want for want in self._wants(pod) if want.container not in self._agents]
            if not wants and self._agents:
                return self._set(pod)
            lookable.check(pod)
            if not wants:
                raise TargetError(
                    f"only ephemeral containers run in {self.label}, and Kubernetes lets no other join them",
                    "look again when a container of the application runs",
                )
            failures: list[LookError] = []
            if ready := [want for want in wants if self._may_start(want)]:
                failures = self._start(pod, ready, progress)
            if not self._agents:
                raise failures[0] if failures else AgentError(
                    f"the containers of {self.label} restart so often that no agent could be kept in them",
                    "see why they end: podprobe snapshot shows each container's last exit; kubectl logs --previous",
                )  # fmt: skip
            return self._set(pod)

    def end_agents(self) -> list[str]:
        """End every live agent of the Pod now, whoever started it; the names of their containers.

        Raises:
            AgentError: one did not end in time.
            AccessError: it is not allowed.
        """
        with self._lock:
            self._drop_all()
            return end_agents(self._api, self._read())

    def close(self) -> None:
        """Close every stream. The agents' containers live on to the end of their lifetime."""
        with self._lock:
            for agent in self._agents.values():
                agent.close()
            self._agents.clear()
        self._around.close()
        self._api.close()

    def _read(self, age: float = 0.0) -> Pod:
        """The Pod, as it was `age` seconds ago at most."""
        asked = time.monotonic()
        if self._pod and asked - self._read_at < age:
            return self._pod
        if self._pod is None:
            self._pod = pod_of(self._api, self._namespace, self._target)
        else:
            uid = self._pod.metadata.uid
            pod = pod_named(self._api, self._namespace, self._pod.metadata.name)
            if pod.metadata.uid != uid:
                # A StatefulSet's Pod comes back under its name; nothing that was known of the old one holds.
                self._drop_all()
            self._pod = pod
        self._read_at = asked
        return self._pod

    def _forget_lost(self, pod: Pod) -> None:
        """Drop agents whose stream has ended, or whose container is another by now."""
        statuses = pod.statuses()
        for key, agent in list(self._agents.items()):
            status = statuses.get(key) if key is not None else None
            replaced = key is not None and (status.container_id if status else None) != self._ids.get(key)
            if not agent.alive or replaced:
                agent.close()
                del self._agents[key]

    def _drop_all(self) -> None:
        for agent in self._agents.values():
            agent.close()
        for known in (self._agents, self._ids, self._notes, self._users, self._starts):
            known.clear()
        self._around.forget()

    def _may_start(self, want: Want) -> bool:
        """Not too soon after the last agent that was added there."""
        count, last = self._starts.get(want.container, (0, 0.0))
        wait = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** (count - 2)) if count > 1 else 0.0
        if time.monotonic() - last >= wait:
            return True
        self._notes[want.container] = [Visibility(
            area="agent", container=want.container, level="none",
            reason=f"its agent ended {count} times; the next one is started after {wait:.0f} s", allow=None,
        )]  # fmt: skip
        return False

    def _start(self, pod: Pod, wants: list[Want], progress: Callable[[Progress], None]) -> list[LookError]:
        ephemerals = Ephemerals(
            self._api, image=self._image, ttl=self._ttl, profile=self._profile, progress=progress
        )
        outcome = ephemerals.ensure(pod, wants)
        if outcome.guessed:
            wants = self._find_users(pod, wants, outcome)
            if again := [want for want in wants if want.container in outcome.guessed and want.user]:
                progress(Progress("looking again as the containers' own users"))
                pod = self._read()
                better = ephemerals.ensure(pod, again)
                outcome.running |= better.running
                outcome.notes = [
                    note for note in outcome.notes if note.container not in better.running
                ] + better.notes
        for want in wants:
            self._notes[want.container] = [note for note in outcome.notes if note.container == want.container]
        self._notes[None] = [note for note in outcome.notes if note.container is None]
        statuses = pod.statuses()
        for name in outcome.added:
            count, _ = self._starts.get(name, (0, 0.0))
            self._starts[name] = count + 1, time.monotonic()
            self._read_at = 0.0  # it has another container by now
        for want in wants:
            status = statuses.get(want.mirrors)
            self._ids[want.container] = status.container_id if status else None
        return self._connect(outcome, progress)

    def _find_users(self, pod: Pod, wants: list[Want], outcome: Outcome) -> list[Want]:
        """Ask the /proc of containers whose user the API server does not know."""
        if pod.shares_pid_namespace:
            return wants
        found: list[Want] = []
        for want in wants:
            holder = outcome.running.get(want.container)
            user = None
            if want.container in outcome.guessed and holder:
                user = identity.of_first_process(self._api, pod, holder)
                if user and holder.user == f"{user.uid}:{user.gid}":
                    outcome.guessed.discard(want.container)
                    user = None
            if user:
                self._users[want.mirrors] = user
            found.append(replace(want, user=user) if user else want)
        return found

    def _connect(self, outcome: Outcome, progress: Callable[[Progress], None]) -> list[LookError]:
        """Streams to all agents at once."""
        failures: list[LookError] = []
        total = len(outcome.running)
        progress(Progress("sending the agents", done=0, total=total))

        def one(key: str | None, holder: Holder) -> Agent:
            return self._open(key, holder)

        with ThreadPoolExecutor(max_workers=min(8, max(1, total))) as pool:
            opening = {key: pool.submit(one, key, holder) for key, holder in outcome.running.items()}
            for done, (key, future) in enumerate(opening.items(), 1):
                try:
                    self._agents[key] = future.result()
                except LookError as error:
                    failures.append(error)
                    self._notes.setdefault(key, []).append(Visibility(
                        area="agent", container=key, level="none", reason=error.message, allow=error.hint or None
                    ))  # fmt: skip
                progress(Progress("sending the agents", container=key, done=done, total=total))
        return failures

    def _open(self, key: str | None, holder: Holder) -> Agent:
        assert self._pod
        timeout = self._api.request_timeout
        stream = open_exec(
            self._api, self._namespace, self._pod.metadata.name, holder.name, (*COMMAND, MARK), timeout
        )
        return Agent.start(stream, key, timeout)

    def _set(self, pod: Pod) -> AgentSet:
        return AgentSet(dict(self._agents), tuple(self._visibility(pod)))

    def _wants(self, pod: Pod) -> list[Want]:
        return wants_of(pod, self._mode, self._users)

    def _visibility(self, pod: Pod) -> Iterator[Visibility]:
        for notes in self._notes.values():
            yield from notes
        if None in self._agents:
            yield from coverage.of_shared_agent(pod, self._wants(pod), self._profile)
            return
        told = {note.container for notes in self._notes.values() for note in notes if note.level == "none"}
        yield from coverage.without_agent(pod, self._agents.keys(), told)
