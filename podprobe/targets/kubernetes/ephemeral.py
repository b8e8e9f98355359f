"""Agents' containers: checked by a dry run, added in one patch, waited for, used again while they live."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podprobe import __version__
from podprobe.errors import AgentError, TargetError
from podprobe.model import Visibility
from podprobe.targets.base import Progress
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.agents import Holder, holders, is_agent, manifest
from podprobe.targets.kubernetes.failures import ApiAccessError, ApiError
from podprobe.targets.kubernetes.images import explain, is_present
from podprobe.targets.kubernetes.lookable import read_node
from podprobe.targets.kubernetes.objects import Pod, PodEvent
from podprobe.targets.kubernetes.permissions import check_exec
from podprobe.targets.kubernetes.security import Candidate, candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from podprobe.targets.access import Profile
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import LinuxUser

MANY_ENDED = 20
"""From this many ended agents on, the user is told that the Pod's spec holds them."""
_POLL_SECONDS = 0.3
_REFUSALS = (400, 403, 422)


@dataclass(frozen=True)
class Want:
    """An agent that is wanted."""

    container: str | None
    """The key it is known by; `None`: one for the whole Pod."""
    mirrors: str
    """The container whose privileges it has, and whose PID namespace it joins."""
    user: LinuxUser | None = None
    """That container's user as its /proc told it, where the API server does not know."""


@dataclass
class Outcome:
    """Agents' containers that run, and what could not be."""

    running: dict[str | None, Holder] = field(default_factory=dict)
    guessed: set[str | None] = field(default_factory=set)
    """Those whose user is a guess."""
    notes: list[Visibility] = field(default_factory=list)
    added: list[str | None] = field(default_factory=list)
    """Those whose container is new."""


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
        self._ttl = ttl
        self._profile = profile
        self._progress = progress

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
        if waiting:
            self._await(pod, waiting, outcome)
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
                admitted = self.admitted(pod, wants, outcome)
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
            entries = [entry for _, _, entry in group]
            pod = self._patch(pod, entries, dry_run=False)
            outcome.added += [want.container for want, _, _ in group]
            names = {entry["name"] for entry in entries}
            fresh = [holder for holder in holders(pod) if holder.name in names]
            if number + 1 == len(groups):
                added = fresh
            elif trouble := self._await(pod, fresh, outcome):
                self._spare([want for want, _, _ in groups[1]], trouble, outcome)
                break
        for want, candidate, _ in admitted:
            if candidate.guessed_user:
                outcome.guessed.add(want.container)
            outcome.notes += [
                Visibility(
                    area="agent",
                    container=want.container,
                    level="partial",
                    reason=cost.reason,
                    allow=cost.allow,
                )
                for cost in candidate.costs
            ]
        return pod, added

    def admitted(
        self, pod: Pod, wants: Sequence[Want], outcome: Outcome
    ) -> list[tuple[Want, Candidate, dict[str, Any]]]:
        """What admission takes, each with the first context that it takes."""
        ladders = {want.container: candidates(pod, want.mirrors, self._profile, want.user) for want in wants}
        best = [(want, ladders[want.container][0]) for want in wants]
        entries = self._entries(pod, best)
        try:
            self._patch(pod, entries, dry_run=True)
        except ApiError as refusal:
            if refusal.status not in _REFUSALS or refusal.lacks_permission:
                raise
        else:
            return [(want, candidate, entry) for (want, candidate), entry in zip(best, entries, strict=True)]
        # Together they were refused: find out for each what is taken.
        admitted: list[tuple[Want, Candidate, dict[str, Any]]] = []
        refusals: list[ApiError] = []
        for want in wants:
            for candidate in ladders[want.container]:
                (entry,) = self._entries(pod, [(want, candidate)])
                try:
                    self._patch(pod, [entry], dry_run=True)
                except ApiError as refusal:
                    if refusal.status not in _REFUSALS:
                        raise
                    refusals.append(refusal)
                    continue
                admitted.append((want, candidate, entry))
                break
            else:
                outcome.notes.append(Visibility(
                    area="agent", container=want.container, level="none",
                    reason=f"the cluster refuses an agent there: {refusals[-1].answer}", allow=_allow(refusals[-1]),
                ))  # fmt: skip
        if not admitted:
            raise _refused(pod, refusals, self._profile)
        return admitted

    def _entries(self, pod: Pod, chosen: Sequence[tuple[Want, Candidate]]) -> list[dict[str, Any]]:
        statuses = pod.statuses()
        taken = {one.name for one in pod.specs()}
        entries = []
        for want, candidate in chosen:
            status = statuses.get(want.mirrors)
            entry = manifest(
                container=want.container,
                join=None if pod.shares_pid_namespace else want.mirrors,
                target_id=status.container_id if status else None,
                image=self._image,
                ttl=self._ttl,
                profile=self._profile,
                version=__version__,
                security=candidate.to_json(),
                mounts=shared_memory_mount(pod, want.mirrors),
                taken=taken,
            )
            taken.add(entry["name"])
            entries.append(entry)
        return entries

    def _patch(self, pod: Pod, entries: list[dict[str, Any]], *, dry_run: bool) -> Pod:
        ask = asks.patch_agents(pod.metadata.namespace or "default", pod.metadata.name)
        body = {"metadata": {"uid": pod.metadata.uid}, "spec": {"ephemeralContainers": entries}}
        query = {"dryRun": "All"} if dry_run else {}
        try:
            return self._api.patch(ask, body, Pod, **query)
        except ApiError as error:
            # The uid ties the patch to this very Pod: a namesake that took its place is not touched.
            if error.status == 409 and "uid" in error.answer.lower():
                raise TargetError(
                    f"Pod {pod.metadata.name} was replaced by another of its name in the meantime",
                    "try again",
                ) from None
            if error.status == 409:
                return self._api.patch(ask, body, Pod, **query)
            raise

    def _await(self, pod: Pod, wanted: Sequence[Holder], outcome: Outcome) -> AgentError | None:
        """Wait until the holders run, or it is clear that they will not.

        Returns:
            Why one does not run; `None` where all do.

        Raises:
            AgentError: not one of them runs.
        """
        names = {holder.name for holder in wanted}
        failed: dict[str, AgentError] = {}
        began = time.monotonic()
        present: list[Holder] = []
        seen = pod
        for seen in self._changes(pod):
            if seen.metadata.deletion_timestamp:
                raise TargetError(f"Pod {pod.metadata.name} is being deleted", "look at another Pod")
            present = [holder for holder in holders(seen) if holder.name in names]
            failed = {holder.name: trouble for holder in present if (trouble := explain(holder, seen))}
            coming = [holder for holder in present if not holder.running and holder.name not in failed]
            if not coming and len(present) == len(names):
                break
            done = len(names) - len(coming) - len(failed)
            doing = _doing(coming[0]) if coming else "waiting"
            self._progress(Progress(f"starting agents: {doing}", done=done, total=len(names)))
        else:
            seconds = time.monotonic() - began
            late = [holder for holder in present if not holder.running and holder.name not in failed]
            failed |= {holder.name: _too_late(seen, holder, seconds) for holder in late}
        for holder in present:
            if holder.name not in failed:
                outcome.running[holder.container] = holder
                continue
            outcome.notes.append(Visibility(
                area="agent", container=holder.container, level="none", reason=failed[holder.name].message,
                allow=failed[holder.name].hint,
            ))  # fmt: skip
        trouble = next(iter(failed.values()), None)
        if trouble and not outcome.running:
            raise trouble
        return trouble

    def _changes(self, pod: Pod) -> Iterator[Pod]:
        """The Pod as it is, then at each change, for as long as one request may take."""
        yield pod
        deadline = time.monotonic() + self._api.request_timeout
        name, namespace = pod.metadata.name, pod.metadata.namespace or "default"
        may_watch = True
        while (left := deadline - time.monotonic()) > 0:
            if may_watch:
                try:
                    for event in self._api.watch(
                        asks.list_pods(namespace).to("watch"), PodEvent, left,
                        fieldSelector=f"metadata.name={name}", resourceVersion=pod.metadata.resource_version,
                    ):  # fmt: skip
                        if event.type == "DELETED":
                            raise TargetError(f"Pod {name} was deleted", "look at another Pod")
                        yield event.object
                except ApiAccessError:
                    may_watch = False
                except ApiError as error:
                    if error.status not in (0, 410, 429, 500, 503):
                        raise
            # The watch ended early, or is not allowed.
            time.sleep(min(_POLL_SECONDS, left))
            pod = self._api.get(asks.get_pod(namespace, name), Pod)
            yield pod

    def _count_ended(self, pod: Pod, outcome: Outcome) -> None:
        ended = sum(holder.ended for holder in holders(pod))
        if ended >= MANY_ENDED:
            outcome.notes.append(Visibility(
                area="agent", container=None, level="full",
                reason=f"the Pod's spec holds {ended} ended agents: Kubernetes never removes an ephemeral container",
                allow="a longer --ttl makes fewer; a new Pod has none",
            ))  # fmt: skip


def dry_run(
    api: Api, pod: Pod, wants: Sequence[Want], *, image: str, ttl: int, profile: Profile
) -> list[tuple[Want, Candidate]]:
    """What admission would take, without adding anything.

    Raises:
        AgentError: it refuses every agent.
        AccessError: adding agents is not allowed.
    """
    ephemerals = Ephemerals(api, image=image, ttl=ttl, profile=profile, progress=lambda _: None)
    return [(want, candidate) for want, candidate, _ in ephemerals.admitted(pod, wants, Outcome())]


def shared_memory_mount(pod: Pod, container: str) -> list[dict[str, Any]]:
    """The volume that the container has on /dev/shm, if any: it hides the Pod's own from that container."""
    spec = next((one for one in pod.specs() if one.name == container), None)
    for mount in (spec.volume_mounts if spec else None) or ():
        if mount.mount_path.rstrip("/") == "/dev/shm" and not (mount.sub_path or mount.sub_path_expr):  # noqa: S108
            return [{"name": mount.name, "mountPath": "/dev/shm", "readOnly": True}]  # noqa: S108
    return []


def _doing(holder: Holder) -> str:
    state = holder.status.state if holder.status else None
    reason = state.waiting.reason if state and state.waiting else None
    return "pulling the image" if reason == "ContainerCreating" else reason or "waiting for the kubelet"


def _allow(refusal: ApiError) -> str:
    if "PodSecurity" in refusal.answer:
        return (
            "a Pod Security level that takes it (label pod-security.kubernetes.io/enforce of the namespace)"
        )
    return "an exception in the policy that refuses, or, where that is about the image, one that it takes (--image)"


def _refused(pod: Pod, refusals: Sequence[ApiError], profile: Profile) -> AgentError:
    answer = refusals[0].answer
    hint = f"it needs {_allow(refusals[0])}"
    own = [spec.name for spec in pod.specs() if not is_agent(spec) and f'"{spec.name}"' in answer]
    if "PodSecurity" in answer and own:
        # Pod Security judges the whole Pod at every change, so no agent is modest enough.
        hint = (
            f"the Pod's own {', '.join(own)} would not be admitted today: it is older than its namespace's policy. "
            "Create it anew so that it conforms, or lower the level meanwhile (pod-security.kubernetes.io/enforce)"
        )
    elif profile != "mirror":
        hint = f"leave out --profile {profile}, or {hint}"
    return AgentError(f"the cluster refuses every agent in Pod {pod.metadata.name}: {answer}", hint)


def _too_late(pod: Pod, holder: Holder, seconds: float) -> AgentError:
    node = pod.spec.node_name
    if holder.status is None:
        return AgentError(
            f"the kubelet of node {node} did not start the agent within {seconds:.0f} s",
            f"is the node well? kubectl get node {node}",
        )
    return AgentError(
        f"the agent did not run after {seconds:.0f} s: {_doing(holder)} ({holder.image})",
        "a slow registry needs more time: try again, the next command uses the same agent; or raise --request-timeout",
    )
