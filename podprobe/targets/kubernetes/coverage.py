"""What of a Pod its agents cannot see, because of where they are and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.model import Visibility
from podprobe.targets.base import ELSEWHERE
from podprobe.targets.kubernetes.state import running, specs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from podprobe.targets.kubernetes.objects import Pod
    from podprobe.targets.kubernetes.wants import Want


def without_agent(
    pod: Pod, have: Collection[str | None], told: Collection[str | None]
) -> Iterator[Visibility]:
    """Containers that run and have no agent, and why; not those of which that is `told` already.

    Args:
        pod: as it is now.
        have: containers with an agent.
        told: those for which a reason is known.
    """
    runs = {spec.name for spec in running(pod)}
    for spec, kind in specs(pod):
        if spec.name in have or spec.name in told or spec.name not in runs:
            continue
        reason = ELSEWHERE
        if kind == "ephemeral":
            reason = "Kubernetes lets no ephemeral container join another"
        yield Visibility(area="agent", container=spec.name, level="none", reason=reason, allow=None)


def of_shared_agent(pod: Pod, wants: Sequence[Want]) -> Iterator[Visibility]:
    """With one agent for a shared PID namespace: containers of other users stay closed to it."""
    if pod.spec.host_pid:
        yield Visibility(
            area="processes", container=None, level="partial",
            reason="the Pod is in the node's PID namespace: its agent sees the node's processes",
        )  # fmt: skip
    statuses = pod.statuses()
    users = {
        name: (status.user.linux.uid, status.user.linux.gid)
        for name, status in statuses.items()
        if status.user and status.user.linux and status.state and status.state.running
    }
    for want in wants:
        for spec in running(pod):
            if users.get(spec.name) != users.get(want.mirrors):
                yield Visibility(
                    area="files", container=spec.name, level="partial",
                    reason=f"the Pod's one agent runs as {want.mirrors} does; {spec.name} runs as another user",
                    allow="--profile ptrace",
                )  # fmt: skip
