"""What of a Pod its agents cannot see, because of where they are and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.model import Visibility
from podprobe.targets.base import ELSEWHERE
from podprobe.targets.kubernetes.security import PTRACE
from podprobe.targets.kubernetes.state import running, specs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from podprobe.targets.access import Profile
    from podprobe.targets.kubernetes.agents import Holder
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


def of_shared_agent(pod: Pod, wants: Sequence[Want], profile: Profile) -> Iterator[Visibility]:
    """With one agent for a shared PID namespace: containers of other users stay closed to it, but with `ptrace`."""
    if pod.spec.host_pid:
        yield Visibility(
            area="processes", container=None, level="partial",
            reason="the Pod is in the node's PID namespace: its agent sees the node's processes",
        )  # fmt: skip
    if profile == "ptrace":
        return
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
                    allow=PTRACE,
                )  # fmt: skip


def of_groups(pod: Pod, want: Want, holder: Holder) -> Iterator[Visibility]:
    """Groups that the container's image gives its user, and the agent's image does not: the Pod's own both have.

    Volumes are walked without them. Root has no need of groups, unless it may not pass over permissions.
    """
    status, own = pod.statuses().get(want.mirrors), holder.status
    theirs = want.user or (status.user.linux if status and status.user else None)
    ours = own.user.linux if own and own.user else None
    if theirs is None or (holder.user.startswith("0:") and holder.passes_over):
        return
    declared = pod.spec.security_context
    has = {theirs.gid, *((declared.supplemental_groups if declared else None) or ())}
    if declared and declared.fs_group is not None:
        has.add(declared.fs_group)
    if ours is not None:
        has = {ours.gid, *(ours.supplemental_groups or ())}
    lacks = sorted({theirs.gid, *(theirs.supplemental_groups or ())} - has)
    if not lacks:
        return
    names = ", ".join(map(str, lacks[:10]))
    yield Visibility(
        area="volumes", container=want.container, level="partial",
        reason=f"the image of {want.mirrors} gives its user group {names}, and the agent's does not: "
        "what only they may read is not counted",
        allow=f"supplementalGroups: [{names}] in the securityContext of a new Pod, or {PTRACE}",
    )  # fmt: skip
