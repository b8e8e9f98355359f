"""Agents' containers: checked by a dry run, added in one patch, waited for, used again while they live."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from podprobe.errors import TargetError
from podprobe.model import Visibility
from podprobe.targets.base import Progress
from podprobe.targets.kubernetes.admission import Admission
from podprobe.targets.kubernetes.agents import Holder, holders
from podprobe.targets.kubernetes.awaiting import await_running
from podprobe.targets.kubernetes.coverage import of_groups
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.images import is_present
from podprobe.targets.kubernetes.lookable import read_node
from podprobe.targets.kubernetes.permissions import check_exec
from podprobe.targets.kubernetes.resolve import pod_named
from podprobe.targets.kubernetes.security import costs_of
from podprobe.targets.kubernetes.wants import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from podprobe.errors import AgentError
    from podprobe.targets.access import Profile
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import Pod
    from podprobe.targets.kubernetes.wants import Want

_TRIES = 8
"""How often agents are added anew where the Pod changes meanwhile: its kubelet writes its status at every step."""
MANY_ENDED = 20
"""From this many ended agents on, the user is told that the Pod's spec holds them."""


class Ephemerals:
    """Adds agents' containers to one Pod.

    Args:
        api: the API server.
        image: of the agents.
        ttl: their lifetime at rest in seconds.
        profile: how much they may.
        progress: told what is going on.
    """

    def __init__(
        self, api: Api, *, image: str, ttl: int, profile: Profile, progress: Callable[[Progress], None]
    ) -> None:
        self._api = api
        self._image = image
        self._profile = profile
        self._progress = progress
        self._admission = Admission(api, image=image, ttl=ttl, profile=profile)

    def ensure(self, pod: Pod, wants: Sequence[Want]) -> Outcome:
        """Every wanted agent's container running: those that live are used, the others are added.

        Raises:
            AgentError: not one could be had.
            AccessError: adding them is not allowed.
        """
        outcome = Outcome()
        waiting: list[Holder] = []
        missing: list[Want] = []
        for want in wants:
            holder = self._reusable(pod, want)
            if holder is None:
                missing.append(want)
            elif holder.running:
                outcome.running[want.container] = holder
            else:
                waiting.append(holder)
        if waiting and missing:
            # Those that wait for the image show whether it can be had; until then nothing is added beside them.
            trouble = self._await(pod, waiting, outcome)
            waiting = []
            if trouble:
                self._spare(missing, trouble, outcome)
                missing = []
        if missing:
            pod, waiting = self._add(pod, missing, outcome)
        elif waiting:
            # What keeps it waiting may be the node.
            read_node(self._api, pod)
        if waiting:
            self._await(pod, waiting, outcome)
        self._tell_limits(pod, wants, outcome)
        self._count_ended(pod, outcome)
        return outcome

    def _reusable(self, pod: Pod, want: Want) -> Holder | None:
        """An agent of the same kind that runs or is about to, the newest first."""
        status = pod.statuses().get(want.mirrors)
        target_id = status.container_id if status else None
        user = f"{want.user.uid}:{want.user.gid}" if want.user else None
        coming: Holder | None = None
        for holder in reversed(holders(pod)):
            fits = holder.container == want.container and holder.target_id == target_id
            if holder.ended or not fits or holder.profile != self._profile or (user and holder.user != user):
                continue
            if holder.running:
                return holder
            # One that waits for an image is waited for, too: to add another beside it would help nobody.
            if holder.image == self._image:
                coming = coming or holder
        return coming

    def _spare(self, wants: Sequence[Want], trouble: AgentError, outcome: Outcome) -> None:
        """Do not add what would fail as another just has."""
        outcome.notes += [
            Visibility(
                area="agent",
                container=want.container,
                level="none",
                reason=trouble.message,
                allow=trouble.hint,
            )
            for want in wants
        ]

    def _add(self, pod: Pod, wants: Sequence[Want], outcome: Outcome) -> tuple[Pod, list[Holder]]:
        """Returns the Pod as patched, and the holders that have yet to be waited for."""
        self._progress(Progress("checking privileges with a dry run", total=len(wants)))
        with ThreadPoolExecutor(max_workers=2) as pool:
            may_exec = pool.submit(check_exec, self._api, pod.metadata.namespace or "default")
            reading = pool.submit(read_node, self._api, pod)
            try:
                admitted = self._admission.admitted(pod, wants, outcome)
            finally:
                # What it takes to talk to an agent comes first: without it none is to be added.
                may_exec.result()
        node = reading.result()
        # An entry can never be removed again. So where nothing shows that the node has the image, one goes ahead.
        groups = [admitted]
        if len(admitted) > 1 and not is_present(node, pod, self._image):
            groups = [admitted[:1], admitted[1:]]
        added: list[Holder] = []
        for number, group in enumerate(groups):
            pod, fresh = self._add_missing(pod, {want: entry for want, _, entry in group}, outcome)
            if number + 1 == len(groups):
                added = fresh
            elif trouble := self._await(pod, fresh, outcome):
                self._spare([want for want, _, _ in groups[1]], trouble, outcome)
                break
        outcome.guessed |= {want.container for want, candidate, _ in admitted if candidate.guessed_user}
        return pod, added

    def _add_missing(
        self, pod: Pod, entries: Mapping[Want, dict[str, Any]], outcome: Outcome
    ) -> tuple[Pod, list[Holder]]:
        """Add what nobody else has added in the meantime. Returns the Pod, and all that has to be waited for."""
        theirs: list[Holder] = []
        for left in reversed(range(_TRIES)):
            try:
                pod = self._admission.add(pod, list(entries.values()))
                break
            except ApiError as error:
                if error.status != 409 or not left:
                    raise
            pod = self._read_again(pod)
            found = {want: self._reusable(pod, want) for want in entries}
            theirs += [holder for holder in found.values() if holder]
            entries = {want: entry for want, entry in entries.items() if not found[want]}
            if not entries:
                return pod, theirs
        outcome.added += [want.container for want in entries]
        names = {entry["name"] for entry in entries.values()}
        return pod, [*theirs, *(holder for holder in holders(pod) if holder.name in names)]

    def _read_again(self, pod: Pod) -> Pod:
        seen = pod_named(self._api, pod.metadata.namespace or "default", pod.metadata.name)
        if seen.metadata.uid != pod.metadata.uid:
            raise TargetError(
                f"Pod {pod.metadata.name} was replaced by another of its name in the meantime", "try again"
            )
        return seen

    def _await(self, pod: Pod, wanted: Sequence[Holder], outcome: Outcome) -> AgentError | None:
        return await_running(self._api, pod, wanted, outcome, self._progress)

    def _tell_limits(self, pod: Pod, wants: Sequence[Want], outcome: Outcome) -> None:
        """What those that run do not see, whoever added them."""
        for want in wants:
            holder = outcome.running.get(want.container)
            if holder is None:
                continue
            costs = costs_of(pod, holder.security, want.mirrors, self._profile, want.user)
            outcome.notes += [
                Visibility(
                    area="agent", container=want.container, level="partial", reason=cost.reason, allow=cost.allow
                )
                for cost in costs
            ]  # fmt: skip
            outcome.notes += of_groups(pod, want, holder)

    def _count_ended(self, pod: Pod, outcome: Outcome) -> None:
        ended = sum(holder.ended for holder in holders(pod))
        if ended >= MANY_ENDED:
            outcome.notes.append(Visibility(
                area="agent", container=None, level="full",
                reason=f"the Pod's spec holds {ended} ended agents: Kubernetes never removes an ephemeral container",
                allow="a longer --ttl makes fewer; a new Pod has none",
            ))  # fmt: skip
