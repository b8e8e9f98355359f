"""Pods on a Kubernetes cluster, reached through ephemeral containers. The only package that imports kubernetes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.config import load
from podprobe.targets.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.targets.kubernetes.diagnosis import Check
    from podprobe.targets.kubernetes.resolve import FoundPod
    from podprobe.targets.kubernetes.target import KubernetesTarget

__all__ = ["complete_pods", "diagnose", "find_pods", "find_replicas", "open_pod", "role", "where"]

_COMPLETION_SECONDS = 3.0


def open_pod(target: str, access: Access) -> KubernetesTarget:
    """The Pod that `pod/NAME`, `deploy/NAME`, … names. Nothing is asked of the API server yet.

    Raises:
        TargetError: the kubeconfig cannot be used.
        AccessError: its credential plugin failed.
        ConfigError: the configuration file is wrong.
    """
    from podprobe.targets.kubernetes.shared import shared_api
    from podprobe.targets.kubernetes.target import KubernetesTarget

    image, ttl = _agent(access)
    api = shared_api(access)
    return KubernetesTarget(
        api,
        access.namespace or api.connection.namespace,
        target,
        image=image,
        ttl=ttl,
        profile=access.profile,
        mode=access.agents,
    )


def find_pods(selector: str | None, access: Access, *, all_namespaces: bool = False) -> list[FoundPod]:
    """The Pods that a label selector names (all where it is `None`), by namespace and name.

    Raises:
        TargetError: the kubeconfig cannot be used.
        AccessError: listing them is not allowed.
    """
    from podprobe.targets.kubernetes.resolve import find
    from podprobe.targets.kubernetes.shared import shared_api

    with closing(shared_api(access)) as api:
        namespace = None if all_namespaces else access.namespace or api.connection.namespace
        return find(api, namespace, selector)


def where(access: Access) -> tuple[str, str | None]:
    """The namespace and the context that a command means, as the kubeconfig says where nothing else does.

    Raises:
        TargetError: the kubeconfig cannot be used.
    """
    from podprobe.targets.kubernetes.shared import shared_api

    with closing(shared_api(access)) as api:
        return access.namespace or api.connection.namespace, api.connection.context


def find_replicas(target: str, access: Access) -> list[FoundPod]:
    """The Pods of a workload (`deploy/NAME`, `sts/NAME`, `ds/NAME`, `job/NAME`), by name.

    Raises:
        TargetError: there is no such workload, or the kubeconfig cannot be used.
        AccessError: reading it is not allowed.
    """
    from podprobe.targets.kubernetes.resolve import found, pods_of
    from podprobe.targets.kubernetes.shared import shared_api

    with closing(shared_api(access)) as api:
        pods = pods_of(api, access.namespace or api.connection.namespace, target)
        return sorted(map(found, pods), key=lambda pod: pod.name)


def diagnose(target: str | None, access: Access) -> Iterator[Check]:
    """Whether podprobe can work on a cluster, in a namespace, and in a Pod if one is named; check by check.

    Raises:
        TargetError: the kubeconfig cannot be used.
        AccessError: its credential plugin failed.
        ConfigError: the configuration file is wrong.
    """
    from podprobe.targets.kubernetes import diagnosis
    from podprobe.targets.kubernetes.shared import shared_api

    image, ttl = _agent(access)
    with closing(shared_api(access)) as api:
        namespace = access.namespace or api.connection.namespace
        yield from diagnosis.diagnose(api, namespace, target, image=image, ttl=ttl, mode=access.agents)


def role() -> str:
    """What podprobe needs on a cluster and no more, as a manifest."""
    return (Path(__file__).parent / "rbac.yaml").read_text()


def complete_pods(
    prefix: str, *, namespace: str | None = None, context: str | None = None, kubeconfig: str | None = None
) -> list[str]:
    """Names of Pods that begin with `prefix`, for shell completion."""
    access = Access(
        namespace=namespace, context=context, kubeconfig=kubeconfig, request_timeout=_COMPLETION_SECONDS
    )
    return [pod.name for pod in find_pods(None, access) if pod.name.startswith(prefix)]


def _agent(access: Access) -> tuple[str, int]:
    """Image and lifetime in seconds of agents: the command line's, else the configuration's."""
    configured = load().agent
    return access.image or configured.image, access.ttl_seconds or configured.ttl_seconds
