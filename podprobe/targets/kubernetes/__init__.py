"""Pods on a Kubernetes cluster, reached through ephemeral containers. The only package that imports kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.targets.access import AgentsMode, Profile
    from podprobe.targets.kubernetes.diagnosis import Check
    from podprobe.targets.kubernetes.resolve import FoundPod
    from podprobe.targets.kubernetes.target import KubernetesTarget

__all__ = ["complete_pods", "diagnose", "find_pods", "find_replicas", "open_pod"]

_COMPLETION_SECONDS = 3.0


def open_pod(
    target: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | None = None,
    as_user: str | None = None,
    as_groups: tuple[str, ...] = (),
    image: str,
    ttl: int,
    profile: Profile = "mirror",
    agents_mode: AgentsMode = "each",
    request_timeout: float = 30.0,
) -> KubernetesTarget:
    """The Pod that `pod/NAME`, `deploy/NAME`, … names. `ttl` and `request_timeout` are seconds.

    Nothing is asked of the API server yet.

    Raises:
        TargetError: the kubeconfig cannot be used.
        AccessError: its credential plugin failed.
    """
    from podprobe.targets.kubernetes.shared import shared_api
    from podprobe.targets.kubernetes.target import KubernetesTarget

    api = shared_api(
        context=context,
        kubeconfig=kubeconfig,
        as_user=as_user,
        as_groups=as_groups,
        request_timeout=request_timeout,
    )
    return KubernetesTarget(
        api,
        namespace or api.connection.namespace,
        target,
        image=image,
        ttl=ttl,
        profile=profile,
        mode=agents_mode,
    )


def find_pods(
    selector: str | None = None,
    *,
    namespace: str | None = None,
    all_namespaces: bool = False,
    context: str | None = None,
    kubeconfig: str | None = None,
    as_user: str | None = None,
    as_groups: tuple[str, ...] = (),
    request_timeout: float = 30.0,
) -> list[FoundPod]:
    """The Pods that a label selector names (all where it is `None`), by namespace and name.

    Raises:
        TargetError: the kubeconfig cannot be used.
        AccessError: listing them is not allowed.
    """
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.kubeconfig import connect
    from podprobe.targets.kubernetes.resolve import find

    connection = connect(context=context, kubeconfig=kubeconfig, as_user=as_user, as_groups=as_groups)
    api = Api(connection, request_timeout)
    try:
        return find(api, None if all_namespaces else namespace or connection.namespace, selector)
    finally:
        api.close()


def diagnose(
    target: str | None,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | None = None,
    as_user: str | None = None,
    as_groups: tuple[str, ...] = (),
    image: str,
    ttl: int,
    request_timeout: float = 30.0,
) -> Iterator[Check]:
    """Whether podprobe can work on a cluster, in a namespace, and in a Pod if one is named; check by check.

    Raises:
        TargetError: the kubeconfig cannot be used.
        AccessError: its credential plugin failed.
    """
    from podprobe.targets.kubernetes import diagnosis
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.kubeconfig import connect

    connection = connect(context=context, kubeconfig=kubeconfig, as_user=as_user, as_groups=as_groups)
    api = Api(connection, request_timeout)
    try:
        yield from diagnosis.diagnose(api, namespace or connection.namespace, target, image=image, ttl=ttl)
    finally:
        api.close()


def find_replicas(
    target: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | None = None,
    as_user: str | None = None,
    as_groups: tuple[str, ...] = (),
    request_timeout: float = 30.0,
) -> list[FoundPod]:
    """The Pods of a workload (`deploy/NAME`, `sts/NAME`, `ds/NAME`, `job/NAME`), by name.

    Raises:
        TargetError: there is no such workload, or the kubeconfig cannot be used.
        AccessError: reading it is not allowed.
    """
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.kubeconfig import connect
    from podprobe.targets.kubernetes.resolve import found, pods_of

    connection = connect(context=context, kubeconfig=kubeconfig, as_user=as_user, as_groups=as_groups)
    api = Api(connection, request_timeout)
    try:
        pods = pods_of(api, namespace or connection.namespace, target)
        return sorted(map(found, pods), key=lambda pod: pod.name)
    finally:
        api.close()


def complete_pods(
    prefix: str, *, namespace: str | None = None, context: str | None = None, kubeconfig: str | None = None
) -> list[str]:
    """Names of Pods that begin with `prefix`, for shell completion."""
    found = find_pods(
        namespace=namespace, context=context, kubeconfig=kubeconfig, request_timeout=_COMPLETION_SECONDS
    )
    return [pod.name for pod in found if pod.name.startswith(prefix)]
