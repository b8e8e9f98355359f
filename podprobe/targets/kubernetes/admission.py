"""What the cluster admits: each agent's container with the most privileges that a dry run takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe import __version__
from podprobe.errors import AgentError
from podprobe.model import Visibility
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.agents import is_agent, manifest
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.objects import Pod
from podprobe.targets.kubernetes.security import Candidate, candidates
from podprobe.targets.kubernetes.wants import Outcome, Want

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.targets.access import Profile
    from podprobe.targets.kubernetes.api import Api

_REFUSALS = (400, 403, 422)


class Admission:
    """Asks the cluster to admit agents' containers.

    Args:
        api: the API server.
        image: of the agents.
        ttl: their lifetime at rest in seconds.
        profile: how much they may.
    """

    def __init__(self, api: Api, *, image: str, ttl: int, profile: Profile) -> None:
        self._api = api
        self._image = image
        self._ttl = ttl
        self._profile = profile

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

    def add(self, pod: Pod, entries: list[dict[str, Any]]) -> Pod:
        """Add what was admitted to the Pod as it is known; the Pod as it then is.

        Raises:
            ApiError: of status 409 where the Pod is another by now: somebody else may have added agents.
            AccessError: adding is not allowed.
        """
        return self._patch(pod, entries, dry_run=False)

    def _patch(self, pod: Pod, entries: list[dict[str, Any]], *, dry_run: bool) -> Pod:
        ask = asks.patch_agents(pod.metadata.namespace or "default", pod.metadata.name)
        # The uid ties the patch to this very Pod: a namesake that took its place is not touched.
        about: dict[str, Any] = {"uid": pod.metadata.uid}
        if not dry_run:
            about["resourceVersion"] = pod.metadata.resource_version
        body = {"metadata": about, "spec": {"ephemeralContainers": entries}}
        try:
            return self._api.patch(ask, body, Pod, dryRun="All" if dry_run else None)
        except ApiError as error:
            if error.status == 409 and dry_run:
                return self._api.patch(ask, body, Pod, dryRun="All")
            raise


def dry_run(
    api: Api, pod: Pod, wants: Sequence[Want], *, image: str, ttl: int, profile: Profile
) -> list[tuple[Want, Candidate]]:
    """What admission would take, without adding anything.

    Raises:
        AgentError: it refuses every agent.
        AccessError: adding agents is not allowed.
    """
    admission = Admission(api, image=image, ttl=ttl, profile=profile)
    return [(want, candidate) for want, candidate, _ in admission.admitted(pod, wants, Outcome())]


def shared_memory_mount(pod: Pod, container: str) -> list[dict[str, Any]]:
    """The volume that the container has on /dev/shm, if any: it hides the Pod's own from that container."""
    spec = next((one for one in pod.specs() if one.name == container), None)
    for mount in (spec.volume_mounts if spec else None) or ():
        if mount.mount_path.rstrip("/") == "/dev/shm" and not (mount.sub_path or mount.sub_path_expr):  # noqa: S108
            return [{"name": mount.name, "mountPath": "/dev/shm", "readOnly": True}]  # noqa: S108
    return []


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
