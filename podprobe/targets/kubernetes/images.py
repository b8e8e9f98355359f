"""The agent's image on its node: is it there, and if not, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.errors import AgentError

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.agents import Holder
    from podprobe.targets.kubernetes.objects import Node, Pod

_PULL = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
    "ImageInspectError", "SignatureValidationFailed",
})  # fmt: skip
_CREATE = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "PreCreateHookError", "RunContainerError"}
)


def is_present(node: Node | None, pod: Pod, image: str) -> bool:
    """Something shows that the Pod's node has the image. False also where nothing can be known."""
    declared = {one.name: one.image for one in pod.specs()}
    for name, status in pod.statuses().items():
        if status.image_id and full_name(image) in {
            full_name(declared.get(name) or ""),
            full_name(status.image or ""),
        }:
            return True
    images = (node.status.images if node else None) or ()
    return any(full_name(name) == full_name(image) for one in images for name in one.names or ())


def full_name(image: str) -> str:
    """The image's name with registry and tag said: `python` is `docker.io/library/python:latest`."""
    first, slash, rest = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    elif first == "docker.io" and "/" not in rest:
        image = f"docker.io/library/{rest}"
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"


def explain(holder: Holder, pod: Pod) -> AgentError | None:
    """Why an agent's container will not run; `None` while it still may."""
    state = holder.status.state if holder.status else None
    if state is None:
        return None
    if waiting := state.waiting:
        said = " ".join((waiting.message or waiting.reason or "").split())
        node = pod.spec.node_name
        if waiting.reason in _PULL:
            return cannot_get(holder, pod, f"{waiting.reason}: {said}")
        if waiting.reason in _CREATE:
            events = f"see its events: kubectl describe pod -n {pod.metadata.namespace} {pod.metadata.name}"
            return AgentError(
                f"node {node} cannot make the agent's container of {holder.image} ({waiting.reason}): {said}",
                _hint(said, events),
            )
    if ended := state.terminated:
        said = " ".join((ended.message or ended.reason or "").split())
        logs = f"see: kubectl logs -n {pod.metadata.namespace} {pod.metadata.name} -c {holder.name}"
        return AgentError(
            f"the agent's container {holder.name} ended at once (exit status {ended.exit_code}): {said}",
            _hint(said if ended.reason in ("StartError", "ContainerCannotRun") else "", logs),
        )
    return None


def cannot_get(holder: Holder, pod: Pod, why: str) -> AgentError:
    """The node does not come by the agent's image."""
    return AgentError(
        f"node {pod.spec.node_name} cannot get the agent's image {holder.image}: {why}",
        "name one that it can: --image MIRROR/python:3-slim (any with Python 3.9 or newer and a shell)",
    )


def _hint(said: str, otherwise: str) -> str:
    """What to do about a container that was not made."""
    if "executable file not found" in said or "no such file or directory" in said:
        return "the image needs a shell (sh) and Python 3.9 or newer: --image docker.io/library/python:3-slim"
    return otherwise
