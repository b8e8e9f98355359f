"""From `deploy/web` or a selector to Pods."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.errors import GoneError, TargetError, UsageError
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.asks import Ask
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.objects import Pod, PodList, Workload
from podprobe.targets.kubernetes.state import phase, specs

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import ContainerStatus, Selector

_WORKLOADS = {
    "deploy": ("deployments", "apps"),
    "sts": ("statefulsets", "apps"),
    "ds": ("daemonsets", "apps"),
    "job": ("jobs", "batch"),
}
_PAGE = 500


@dataclass(frozen=True)
class FoundPod:
    """A Pod that a selector found."""

    namespace: str
    name: str
    phase: str | None
    ready: bool
    node: str | None
    uid: str | None
    created_at: str | None
    owner: str | None
    containers: int = 0
    """Of the application: sidecars among them, other init and debug containers not."""
    ready_containers: int = 0
    restarts: int = 0
    reason: str | None = None
    """Why a container of it does not run (`CrashLoopBackOff`, `ErrImagePull`, `Error`): the first that does not."""


def pod_named(api: Api, namespace: str, name: str) -> Pod:
    """A Pod by name.

    Raises:
        GoneError: there is none; the hint names similar ones.
        ApiError: see `failures`.
    """
    try:
        return api.get(asks.get_pod(namespace, name), Pod)
    except ApiError as error:
        if not error.says_not_found:
            raise
        raise GoneError(
            f"there is no Pod {name} in namespace {namespace}", _similar(api, namespace, name)
        ) from None


def pod_of(api: Api, namespace: str, target: str) -> Pod:
    """The Pod of `pod/NAME`, or the newest ready Pod of `deploy/NAME`, `sts/NAME`, `ds/NAME`, `job/NAME`.

    Raises:
        TargetError: there is no such thing, or it has no Pod.
        UsageError: `target` has another form.
        ApiError: see `failures`.
    """
    kind, slash, name = target.partition("/")
    if not slash:
        return pod_named(api, namespace, target)
    if kind == "pod":
        return pod_named(api, namespace, name)
    pods = pods_of(api, namespace, target)
    if not pods:
        raise TargetError(
            f"{target} in namespace {namespace} has no Pods",
            f"see why: kubectl describe -n {namespace} {target}",
        )
    return max(pods, key=_preference)


def pods_of(api: Api, namespace: str, target: str) -> list[Pod]:
    """All Pods of a workload, best first: ready ones before others, newer before older.

    Raises:
        TargetError, UsageError, ApiError: as of `pod_of`.
    """
    kind, _, name = target.partition("/")
    if kind not in _WORKLOADS:
        raise UsageError(
            f"podprobe cannot look at a {kind!r}",
            "a target is POD, deploy/NAME, sts/NAME, ds/NAME or job/NAME",
        )
    resource, group = _WORKLOADS[kind]
    try:
        workload = api.get(Ask("get", resource, namespace, name, group=group), Workload)
    except ApiError as error:
        if not error.says_not_found:
            raise
        raise TargetError(
            f"there is no {target} in namespace {namespace}",
            f"see what there is: kubectl get {resource} -n {namespace}",
        ) from None
    selector = selector_text(workload.spec.selector)
    if not selector:
        raise TargetError(
            f"{target} in namespace {namespace} has no selector, so its Pods cannot be found", "name a Pod"
        )
    own = (pod for pod in _list(api, namespace, selector) if _is_of(pod, kind, workload))
    return sorted(own, key=_preference, reverse=True)


def _is_of(pod: Pod, kind: str, workload: Workload) -> bool:
    """The workload made it. A Pod that somebody made by hand may have the same labels.

    A Deployment's Pod is owned by a ReplicaSet, which is named after the Deployment and a hash: reading that too
    would take one right more.
    """
    owner = next((one for one in pod.metadata.owner_references or () if one.controller), None)
    if owner is None:
        return False
    if kind == "deploy":
        return owner.kind == "ReplicaSet" and owner.name.rpartition("-")[0] == workload.metadata.name
    return owner.uid == workload.metadata.uid


def find(
    api: Api, namespace: str | None, selector: str | None, *, field_selector: str | None = None
) -> list[FoundPod]:
    """Pods by label selector, in every namespace where `namespace` is `None`; by namespace and name.

    Raises:
        ApiError: see `failures`; 400 where the selector cannot be read.
    """
    pods = map(found, _list(api, namespace, selector, field_selector))
    return sorted(pods, key=lambda pod: (pod.namespace, pod.name))


def found(pod: Pod) -> FoundPod:
    """What a list shows of a Pod."""
    reported = pod.statuses()
    lasting = [spec.name for spec, kind in specs(pod) if kind in {"app", "sidecar"}]
    statuses = [reported[name] for name in lasting if name in reported]
    return FoundPod(
        namespace=pod.metadata.namespace or "default",
        name=pod.metadata.name,
        phase=phase(pod),
        ready=is_ready(pod),
        node=pod.spec.node_name,
        uid=pod.metadata.uid,
        created_at=pod.metadata.creation_timestamp,
        owner=next(
            (f"{one.kind}/{one.name}" for one in pod.metadata.owner_references or () if one.controller), None
        ),
        containers=len(lasting),
        ready_containers=sum(bool(one.ready) for one in statuses),
        restarts=sum(one.restart_count for one in statuses),
        reason=next(filter(None, map(_trouble, reported.values())), None),
    )


def _trouble(status: ContainerStatus) -> str | None:
    """Why a container does not run where it should; nothing where it is only on its way, or has done its work."""
    state = status.state
    if state is None:
        return None
    if state.waiting:
        return (
            None if state.waiting.reason in {"ContainerCreating", "PodInitializing"} else state.waiting.reason
        )
    if state.terminated and state.terminated.exit_code:
        return state.terminated.reason or f"exit code {state.terminated.exit_code}"
    return None


def is_ready(pod: Pod) -> bool:
    """Its Ready condition holds."""
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or ())


def selector_text(selector: Selector | None) -> str:
    """A workload's selector as the API's `labelSelector` wants it."""
    if selector is None:
        return ""
    parts = [f"{key}={value}" for key, value in (selector.match_labels or {}).items()]
    for requirement in selector.match_expressions or ():
        values = ",".join(requirement.values or ())
        parts.append({
            "In": f"{requirement.key} in ({values})",
            "NotIn": f"{requirement.key} notin ({values})",
            "Exists": requirement.key,
            "DoesNotExist": f"!{requirement.key}",
        }.get(requirement.operator, requirement.key))  # fmt: skip
    return ",".join(parts)


def _list(
    api: Api, namespace: str | None, selector: str | None, field_selector: str | None = None
) -> list[Pod]:
    pods: list[Pod] = []
    after: str | None = None
    while True:
        page = api.get(
            asks.list_pods(namespace), PodList, labelSelector=selector, fieldSelector=field_selector,
            limit=str(_PAGE), **{"continue": after},
        )  # fmt: skip
        pods += page.items
        after = page.metadata.continue_
        if not after:
            return pods


def _preference(pod: Pod) -> tuple[bool, bool, bool, str]:
    return (
        not pod.metadata.deletion_timestamp,
        pod.status.phase == "Running",
        is_ready(pod),
        pod.metadata.creation_timestamp or "",
    )


def _similar(api: Api, namespace: str, name: str) -> str:
    """What the user may have meant. Never an error of its own: listing may not be allowed."""
    try:
        here = [pod.metadata.name for pod in _list(api, namespace, None)]
    except ApiError:
        return f"see what there is: kubectl get pods -n {namespace}"
    if close := difflib.get_close_matches(name, here, n=3, cutoff=0.6):
        return f"there is {', '.join(close)}"
    if starting := [one for one in here if one.startswith(name)][:3]:
        return f"there is {', '.join(starting)}"
    try:
        elsewhere = find(api, None, None, field_selector=f"metadata.name={name}")
    except ApiError:
        elsewhere = []
    if elsewhere:
        return "it is in namespace " + ", ".join(
            f"{pod.namespace} (-n {pod.namespace})" for pod in elsewhere[:3]
        )
    return f"namespace {namespace} has {len(here)} Pods" + (
        f": {', '.join(sorted(here)[:8])}" if here else ""
    )
