"""Can podprobe work here? One check after the other, each with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe import __version__
from podprobe.errors import LookError
from podprobe.targets.kubernetes import asks, lookable
from podprobe.targets.kubernetes.admission import dry_run
from podprobe.targets.kubernetes.agents import holders
from podprobe.targets.kubernetes.ephemeral import MANY_ENDED
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.images import is_present
from podprobe.targets.kubernetes.objects import Namespace, Version, WhoAmI
from podprobe.targets.kubernetes.permissions import ask_all, permissions, server_version
from podprobe.targets.kubernetes.resolve import pod_of
from podprobe.targets.kubernetes.state import running
from podprobe.targets.kubernetes.wants import wants_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.targets.access import AgentsMode, Profile
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import Node, Pod
    from podprobe.targets.kubernetes.permissions import Granted

OLDEST_SERVER = (1, 25)
"""Ephemeral containers are stable since then."""
USER_KNOWN = (1, 33)
"""A container's real user is in its status since then."""
_LEVEL_LABEL = "pod-security.kubernetes.io/enforce"
_LEFT = {
    "privileged": "every profile",
    "baseline": "mirror; netraw where the runtime gives NET_RAW by default",
    "restricted": "mirror",
}
_PROFILES: tuple[Profile, ...] = ("mirror", "netraw", "ptrace")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the doctor's."""

    name: str
    level: Literal["ok", "missing", "optional", "unknown"]
    """`missing`: podprobe cannot work without it; `optional`: it can, and loses something."""
    detail: str = ""
    remedy: str | None = None


def diagnose(
    api: Api, namespace: str, target: str | None, *, image: str, ttl: int, mode: AgentsMode = "each"
) -> Iterator[Check]:
    """The checks, as they are made. Ends early where nothing further can be known."""
    try:
        version = api.raw("/version", Version)
    except LookError as error:
        yield Check(name="API server", level="missing", detail=error.message, remedy=error.hint or None)
        return
    yield Check(name="API server", level="ok", detail=f"{api.server} answers")
    yield from _identity(api)
    yield _version(version.git_version)
    try:
        granted = ask_all(api, permissions(namespace, server_version(version.git_version)))
    except ApiError as error:
        yield Check(name="permissions", level="missing", detail=error.message, remedy=error.hint or None)
        return
    yield from (_permission(one) for one in granted)
    yield _pod_security(api, namespace)
    if target:
        yield from _target(api, namespace, target, image=image, ttl=ttl, mode=mode)
    else:
        yield Check(
            name="agent image", level="unknown", detail=f"{image} is looked for on the node of a Pod",
            remedy="podprobe doctor POD",
        )  # fmt: skip


def _identity(api: Api) -> Iterator[Check]:
    ask = asks.Ask("create", "selfsubjectreviews", group="authentication.k8s.io")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        who = api.create(ask, body, WhoAmI).status.user_info
    except ApiError as error:
        if error.status == 401:
            yield Check(name="you", level="missing", detail=error.message, remedy=error.hint or None)
        # Before Kubernetes 1.28 there is no such question; that is no fault.
        return
    yield Check(
        name="you",
        level="ok",
        detail=f"{who.username}, groups {', '.join(filter(None, who.groups)) or 'none'}",
    )


def _version(text: str) -> Check:
    server = server_version(text)
    detail = f"podprobe {__version__}, server {text}"
    if server is None:
        return Check(name="versions", level="unknown", detail=detail)
    if server < OLDEST_SERVER:
        return Check(
            name="versions", level="missing", detail=f"{detail}: ephemeral containers need 1.25",
            remedy="upgrade the cluster; on its nodes, podprobe snapshot local:PID works",
        )  # fmt: skip
    if server < USER_KNOWN:
        detail += "; before 1.33 a container's user may have to be found out by a second agent"
    return Check(name="versions", level="ok", detail=detail)


def _permission(granted: Granted) -> Check:
    permission = granted.permission
    name = f"may {permission.ask.permission}"
    if granted.allowed:
        return Check(name=name, level="ok", detail=permission.purpose)
    if granted.allowed is None:
        return Check(name=name, level="unknown", detail=granted.reason)
    role = "podprobe" if permission.ask.namespace is not None else "podprobe-cluster"
    return Check(
        name=name,
        level="missing" if permission.needed else "optional",
        detail=permission.purpose,
        remedy=f"grant: {permission.ask.permission} (ClusterRole {role} of: podprobe doctor --role)",
    )


def _pod_security(api: Api, namespace: str) -> Check:
    name = f"Pod Security of {namespace}"
    try:
        found = api.get(asks.get_namespace(namespace), Namespace)
    except ApiError as error:
        if error.says_not_found:
            return Check(
                name=name,
                level="missing",
                detail=f"there is no namespace {namespace}",
                remedy="name another with -n",
            )
        return Check(name=name, level="unknown", detail="the namespace's labels may not be read")
    level = (found.metadata.labels or {}).get(_LEVEL_LABEL, "privileged")
    return Check(
        name=name, level="ok", detail=f"{level}, which leaves {_LEFT.get(level, 'what a dry run tells')}"
    )


def _target(
    api: Api, namespace: str, target: str, *, image: str, ttl: int, mode: AgentsMode
) -> Iterator[Check]:
    try:
        pod = pod_of(api, namespace, target)
        lookable.check(pod)
        node = lookable.read_node(api, pod)
    except LookError as error:
        yield Check(name=f"target {target}", level="missing", detail=error.message, remedy=error.hint or None)
        return
    label = f"{namespace}/{pod.metadata.name}"
    names = [spec.name for spec in running(pod)]
    yield Check(name=f"target {label}", level="ok", detail=f"{len(names)} containers run: {', '.join(names)}")
    yield from _node(pod, node)
    yield _image(pod, node, image)
    yield _agents(pod)
    for profile in _PROFILES:
        yield _dry_run(api, pod, profile, image=image, ttl=ttl, mode=mode)


def _node(pod: Pod, node: Node | None) -> Iterator[Check]:
    if node is None:
        yield Check(name=f"node {pod.spec.node_name}", level="unknown", detail="nodes may not be read")
        return
    info = node.status.node_info
    runs = (
        f"kernel {info.kernel_version}", info.architecture, info.container_runtime_version,
        f"kubelet {info.kubelet_version}",
    )  # fmt: skip
    yield Check(name=f"node {node.metadata.name}", level="ok", detail=", ".join(runs))


def _image(pod: Pod, node: Node | None, image: str) -> Check:
    if is_present(node, pod, image):
        return Check(name="agent image", level="ok", detail=f"{image} is on the node")
    return Check(
        name="agent image",
        level="unknown",
        detail=f"{image} is not known to be on the node: the first agent pulls it",
        remedy="if the node cannot reach that registry, name a mirror: --image MIRROR/python:3-slim",
    )


def _agents(pod: Pod) -> Check:
    made = holders(pod)
    live, ended = sum(one.running for one in made), sum(one.ended for one in made)
    detail = f"{live} live, {ended} ended"
    if ended >= MANY_ENDED:
        return Check(
            name="agents", level="optional", detail=f"{detail}: the Pod's spec keeps them for good",
            remedy="a longer --ttl makes fewer; a new Pod has none",
        )  # fmt: skip
    return Check(name="agents", level="ok", detail=detail)


def _dry_run(api: Api, pod: Pod, profile: Profile, *, image: str, ttl: int, mode: AgentsMode) -> Check:
    name = f"profile {profile}"
    needed = profile == "mirror"
    # The very agents that a look would add.
    wants = wants_of(pod, mode, {})
    if not wants:
        return Check(
            name=name, level="missing" if needed else "optional",
            detail="only ephemeral containers run, and Kubernetes lets no other join them",
        )  # fmt: skip
    try:
        taken = dry_run(api, pod, wants, image=image, ttl=ttl, profile=profile)
    except LookError as error:
        return Check(
            name=name, level="missing" if needed else "optional", detail=error.message,
            remedy=(error.hint or None) if needed else None,
        )  # fmt: skip
    told = "; ".join(f"{want.container or 'the whole Pod'}: {candidate.label}" for want, candidate in taken)
    costs = list(dict.fromkeys(cost.reason for _, candidate in taken for cost in candidate.costs))
    detail = f"admitted by a dry run ({told})" + (f"; {'; '.join(costs)}" if costs else "")
    return Check(name=name, level="ok" if not costs or not needed else "optional", detail=detail)
