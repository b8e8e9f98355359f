"""Pods on a Kubernetes cluster, reached through ephemeral containers. The only package that imports kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.targets.access import AgentsMode, Profile
    from podprobe.targets.base import PodTarget


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
) -> PodTarget:
    """The Pod that `pod/NAME`, `deploy/NAME`, … names. `ttl` and `request_timeout` are seconds."""
    raise NotImplementedError


def complete_pods(
    prefix: str, *, namespace: str | None = None, context: str | None = None, kubeconfig: str | None = None
) -> list[str]:
    """Names of Pods that begin with `prefix`, for shell completion."""
    raise NotImplementedError
