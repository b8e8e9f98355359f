"""The Pods that manifests would make, each with the Services that would send to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from podprobe.decoding import convert
from podprobe.model import Volume, VolumeMount
from podprobe.targets.kubernetes.objects import Meta, Pod, PodSpec, ServiceObject
from podprobe.targets.kubernetes.services import selects, service_of
from podprobe.targets.kubernetes.state import pod_state, specs
from podprobe.targets.manifest.kinds import kind_of
from podprobe.targets.manifest.problems import REFUSED, Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.targets.base import PodState
    from podprobe.targets.manifest.kinds import Path
    from podprobe.targets.manifest.nodes import Document
    from podprobe.targets.manifest.read import Manifest

T = TypeVar("T")
UNDECLARED = "undeclared"
"""The `type` of a volume that is mounted and not declared."""
_KINDS_OF_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class PodTemplate:
    """A Pod that a manifest would make."""

    kind: str
    """`Pod`, `Deployment`, …"""
    state: PodState
    document: Document
    """The object that the template is part of."""
    path: Path
    """From the object to what holds the Pod's `spec`."""
    services: tuple[Document, ...]
    """The Services of `state`, in its order; they may be of other files."""


class _Services:
    """Services by namespace and a label that each asks for: a Pod is held against those that may select it."""

    def __init__(self) -> None:
        self._by_label: dict[tuple[str | None, str, str], list[tuple[int, Document, ServiceObject]]] = {}

    def add(self, number: int, document: Document, service: ServiceObject) -> None:
        for key, value in list((service.spec.selector or {}).items())[:1]:
            place = (service.metadata.namespace, key, value)
            self._by_label.setdefault(place, []).append((number, document, service))

    def of(self, pod: Pod) -> list[tuple[Document, ServiceObject]]:
        """In the order in which they were read."""
        namespace = pod.metadata.namespace
        near = [
            each
            for key, value in (pod.metadata.labels or {}).items()
            for each in self._by_label.get((namespace, key, value), ())
            if selects(each[2], pod)
        ]
        return [(document, service) for _, document, service in sorted(near, key=lambda each: each[0])]


def templates(manifests: Iterable[Manifest]) -> tuple[list[PodTemplate], list[Problem]]:
    """The Pods of all manifests together, and why some of them cannot be judged."""
    read = list(manifests)
    services, problems = _Services(), []
    for number, document in enumerate(document for each in read for document in each.services):
        try:
            services.add(number, document, _convert(document, document.value, ServiceObject, ()))
        except Refused as refused:
            problems.append(refused.problem)
    found = []
    for document, path in (pod for each in read for pod in each.pods):
        try:
            found.append(_template(document, path, services))
        except Refused as refused:
            problems.append(refused.problem)
    return found, problems


def _template(document: Document, path: Path, services: _Services) -> PodTemplate:
    pod = _pod(document, path)
    _named_once(document, path)
    mine = services.of(pod)
    state = pod_state(pod, services=tuple(service_of(service, pod, None) for _, service in mine))
    return PodTemplate(
        kind=kind_of(document) or "Pod",
        state=_with_all_volumes(state, pod, document),
        document=document,
        path=path,
        services=tuple(part for part, _ in mine),
    )


def _named_once(document: Document, path: Path) -> None:
    """Everything goes by the names of containers, in a cluster and here.

    Raises:
        Refused: two have one name.
    """
    spec = document.at(*path, "spec")
    seen = set()
    for kind in _KINDS_OF_CONTAINERS:
        for index, container in enumerate(spec.value.get(kind) or []):
            name = container["name"]
            if name in seen:
                line, column = spec.line(kind, index, "name")
                raise Refused(
                    Problem(
                        file=document.file,
                        line=line,
                        column=column,
                        message=f"there is another container {name!r} in this Pod",
                        hint=REFUSED,
                    )
                )
            seen.add(name)


def _pod(document: Document, path: Path) -> Pod:
    """The Pod, named after the object that makes it."""
    holder = document.at(*path) if path else document
    spec = _convert(document, _plain(holder.value["spec"]), PodSpec, (*path, "spec"))
    owner = _convert(document, document.value.get("metadata") or {}, Meta, ("metadata",))
    own = _convert(document, holder.value.get("metadata") or {}, Meta, (*path, "metadata"))
    meta = msgspec.structs.replace(
        own, name=own.name or owner.name, namespace=own.namespace or owner.namespace, owner_references=None
    )
    return Pod(metadata=meta, spec=spec)


def _plain(spec: Any) -> Any:
    """With quantities as text: a manifest may write `cpu: 1`, the API server never does."""
    if not isinstance(spec, dict):
        return spec
    changed = dict(spec)
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        if isinstance(changed.get(kind), list):
            changed[kind] = [_with_quantities(each) for each in changed[kind]]
    return changed


def _with_quantities(container: Any) -> Any:
    resources = container.get("resources") if isinstance(container, dict) else None
    if not isinstance(resources, dict):
        return container
    texts = {
        name: {key: str(value) for key, value in amounts.items()} if isinstance(amounts, dict) else amounts
        for name, amounts in resources.items()
    }
    return {**container, "resources": texts}


def _convert(document: Document, value: Any, kind: type[T], path: Path) -> T:
    try:
        return convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, at = str(error).partition(" - at `$")
        steps = _steps(at.rstrip("`"))
        line, column = document.line(*path, *steps)
        name = ".".join(str(step) for step in (*path, *steps)) or "the object"
        message = f"{name}: {problem}"
        raise Refused(
            Problem(file=document.file, line=line, column=column, message=message, hint=REFUSED)
        ) from None


def _steps(path: str) -> tuple[str | int, ...]:
    """The steps of msgspec's path: `.containers[0].name`."""
    steps: list[str | int] = []
    for part in path.replace("[", ".[").split("."):
        inner = part.strip("[]")
        if part.startswith("[") and inner.isdigit():
            steps.append(int(inner))
        elif inner and inner != "...":
            steps.append(inner)
    return tuple(steps)


def _with_all_volumes(state: PodState, pod: Pod, document: Document) -> PodState:
    """With the volumes that a StatefulSet's claims make, and those that are mounted and nowhere declared."""
    spec = document.value.get("spec")
    claims = spec.get("volumeClaimTemplates") if isinstance(spec, dict) else None
    claimed = {_name(each) for each in claims} if isinstance(claims, list) else set()
    known = {volume.name for volume in state.volumes}
    missing: dict[str, list[VolumeMount]] = {}
    for spec, _ in specs(pod):
        for mount in spec.volume_mounts or ():
            if mount.name not in known:
                missing.setdefault(mount.name, []).append(
                    VolumeMount(container=spec.name, path=mount.mount_path, read_only=mount.read_only)
                )
    more = tuple(
        Volume(
            name=name, type="persistentVolumeClaim" if name in claimed else UNDECLARED, mounts=tuple(mounts)
        )
        for name, mounts in missing.items()
    )
    return replace(state, volumes=(*state.volumes, *more))


def _name(value: Any) -> str | None:
    meta = value.get("metadata") if isinstance(value, dict) else None
    name = meta.get("name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else None
