"""Small changes to a snapshot, for tests of what is concluded from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from podprobe.findings import evaluate
from tests.support.samples import healthy_pod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.config import Config
    from podprobe.model import Finding, Snapshot


def network(pod: Snapshot | None = None, **changes: Any) -> Snapshot:
    """The Pod with another network."""
    pod = pod or healthy_pod()
    return replace(pod, network=replace(pod.network, **changes))


def ipc(**changes: Any) -> Snapshot:
    """The healthy Pod with other IPC objects."""
    pod = healthy_pod()
    return replace(pod, ipc=replace(pod.ipc, **changes))


def container(index: int, pod: Snapshot | None = None, **changes: Any) -> Snapshot:
    """The Pod with one container changed."""
    pod = pod or healthy_pod()
    containers = list(pod.containers)
    containers[index] = replace(containers[index], **changes)
    return replace(pod, containers=tuple(containers))


def volume(index: int = 0, **changes: Any) -> Snapshot:
    """The healthy Pod with one volume changed."""
    pod = healthy_pod()
    volumes = list(pod.volumes)
    volumes[index] = replace(volumes[index], **changes)
    return replace(pod, volumes=tuple(volumes))


def target(**changes: Any) -> Snapshot:
    """The healthy Pod with another target."""
    pod = healthy_pod()
    return replace(pod, target=replace(pod.target, **changes))


def codes(snapshot: Snapshot, history: Sequence[Snapshot] = (), config: Config | None = None) -> list[str]:
    """The codes of a snapshot's findings."""
    return [finding.code for finding in evaluate(snapshot, history, config)]


def only(code: str, snapshot: Snapshot, history: Sequence[Snapshot] = ()) -> Finding:
    """The one finding of a code, of which there has to be exactly one."""
    found = [finding for finding in evaluate(snapshot, history) if finding.code == code]
    assert len(found) == 1, f"{len(found)} × {code}"
    return found[0]
