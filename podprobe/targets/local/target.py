"""A Pod-like group of processes on this machine as a target."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from podprobe.agents.bootstrap import COMMAND
from podprobe.agents.client import Agent
from podprobe.agents.process import ProcessStream
from podprobe.errors import AccessError, AgentError
from podprobe.model import Container, Target, User, Visibility
from podprobe.targets.base import ELSEWHERE, AgentSet, PodState, Progress
from podprobe.targets.local import declared, enter, procfs, volumes
from podprobe.targets.local.containers import Group, LocalContainer, group
from podprobe_agent.protocol import AGENT_TITLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.targets.access import AgentsMode

_SAME_LOOK_SECONDS = 0.2
"""A look asks for the agents and then for the state; to go through all of a machine's processes twice costs."""


class LocalTarget:
    """The processes that share the network namespace of one of them, whatever runtime made it.

    Args:
        pid: any process of the group, as this machine numbers it.
        request_timeout: seconds that an agent may take to start.
        mode: one agent in each container, or a single one, in that of `pid`.
    """

    live = True

    def __init__(self, pid: int, request_timeout: float = 30.0, mode: AgentsMode = "each") -> None:
        self._pid = pid
        self._timeout = request_timeout
        self._mode = mode
        self._agents: dict[str | None, tuple[int, Agent]] = {}
        self._found: Group
        self._found_at = float("-inf")

    @property
    def label(self) -> str:
        """`local:PID`."""
        return f"local:{self._pid}"

    def state(self) -> PodState:
        """What the namespaces tell, or what a manifest declares where the group is podprobe's own demo.

        Raises:
            TargetError: the process has ended.
            AccessError: its namespaces may not be read.
        """
        found, manifest = self._find()
        host_network = procfs.on_host_network(self._pid)
        visibility = _remarks(found, host_network)
        if manifest is not None:
            return replace(manifest, visibility=(*manifest.visibility, *visibility))
        return PodState(
            target=Target(
                kind="local",
                pod=self.label,
                phase="Running",
                host_network=host_network,
                host_ipc=_in_our(found, "ipc"),
                shared_pid=found.shared_pid,
            ),
            containers=tuple(_describe(container) for container in found.containers),
            volumes=volumes.deduce(
                {container.name: volumes.read_mounts(container.init.pid) for container in found.containers},
                volumes.read_mounts("self"),
            ),
            visibility=visibility,
        )

    def agents(self, progress: Callable[[Progress], None]) -> AgentSet:
        """An agent in each container's namespaces; one for all where they share a PID namespace.

        Raises:
            AgentError: none could be started.
            AccessError: entering the namespaces is not allowed.
        """
        found, _ = self._find()
        wanted = self._wanted(found)
        self._drop(wanted)
        missing = {name: container for name, container in wanted.items() if name not in self._agents}
        failures: dict[str | None, AgentError | AccessError] = {}
        if missing:
            progress(Progress("starting agents", done=len(self._agents), total=len(wanted)))
            with ThreadPoolExecutor(max_workers=min(8, len(missing))) as pool:
                starts = {
                    name: pool.submit(self._start, name, container) for name, container in missing.items()
                }
            for name, start in starts.items():
                try:
                    self._agents[name] = (missing[name].init.pid, start.result())
                except (AgentError, AccessError) as error:
                    failures[name] = error
            progress(Progress("agents started", done=len(self._agents), total=len(wanted)))
        if not self._agents and failures:
            raise next(iter(failures.values()))
        return AgentSet(
            agents={name: agent for name, (_, agent) in self._agents.items()},
            visibility=[
                Visibility(
                    area="agent", container=name, level="none", reason=error.message, allow=error.hint or None
                )
                for name, error in failures.items()
            ]
            + [
                Visibility(area="agent", container=container.name, level="none", reason=ELSEWHERE)
                for container in found.containers
                if self._mode == "single" and None not in wanted and container.name not in wanted
            ],
        )

    def close(self) -> None:
        """End every agent."""
        for _, agent in self._agents.values():
            agent.close()
        self._agents = {}

    def _find(self) -> tuple[Group, PodState | None]:
        """The containers as they are now; those of the demo under their declared names, with its manifest."""
        now = time.monotonic()
        if now - self._found_at > _SAME_LOOK_SECONDS:
            self._found = group(procfs.members_of(self._pid))
            self._found_at = time.monotonic()
        found = self._found
        if found.sandbox is None:
            return found, None
        manifest = declared.read(found.sandbox.pid)
        if manifest is None:
            return found, None
        names = {container.id: container.name for container in manifest.containers if container.id}
        named = tuple(
            replace(container, name=name)
            for container in found.containers
            if (name := names.get(container.id or str(container.init.namespaces["mnt"]))) is not None
        )
        return replace(found, containers=named), manifest

    def _wanted(self, found: Group) -> dict[str | None, LocalContainer]:
        """Containers to have an agent in; `None`: one for the PID namespace that all share."""
        if found.shared_pid:
            return {None: found.containers[0]}
        # A PID namespace that an ephemeral container has joined gets one agent, that of its first owner.
        hosts = [container for container in found.containers if not container.guest]
        if self._mode == "single":
            # What holds the namespaces open is in no container: then it is the oldest.
            named = [each for each in hosts if any(one.pid == self._pid for one in each.members)]
            hosts = (named or hosts)[:1]
        return {container.name: container for container in hosts}

    def _drop(self, wanted: dict[str | None, LocalContainer]) -> None:
        """Forget agents that are lost, and those whose container has gone or has been started again."""
        for name, (pid, agent) in list(self._agents.items()):
            container = wanted.get(name)
            if not agent.alive or container is None or container.init.pid != pid:
                agent.close()
                del self._agents[name]

    def _start(self, name: str | None, container: LocalContainer) -> Agent:
        arguments = enter.command(container.init, (*COMMAND[1:], AGENT_TITLE))
        try:
            return Agent.start(ProcessStream(arguments), name, self._timeout)
        except AgentError as error:
            if "not permitted" in error.message or "Permission denied" in error.message:
                raise AccessError(
                    f"cannot enter the namespaces of {container.name} (process {container.init.pid}): "
                    f"{error.message}",
                    "run podprobe as root, or as the user who made the user namespace of the process",
                ) from None
            raise


def _describe(container: LocalContainer) -> Container:
    init = container.init
    return Container(
        name=container.name,
        id=container.id,
        kind="ephemeral" if container.guest else "app",
        state="running",
        user=User(uid=init.uid, gid=init.gid),
    )


def _in_our(found: Group, kind: str) -> bool:
    own = procfs.own_namespace(kind)
    return any(container.init.namespaces[kind] == own for container in found.containers)


def _remarks(found: Group, host_network: bool) -> tuple[Visibility, ...]:
    remarks = []
    if host_network:
        remarks.append(
            Visibility(
                area="sockets",
                container=None,
                level="partial",
                reason="the process is on the host's network: sockets and interfaces are those of the whole host",
            )
        )
    remarks += [
        Visibility(
            area="processes",
            container=container.name,
            level="partial",
            reason="it has no PID namespace of its own: processes and files of the whole host are shown as its",
            allow="name a process of a container that has one",
        )
        for container in found.containers
        if container.init.namespaces["pid"] == procfs.own_namespace("pid")
    ]
    return tuple(remarks)
