"""Find the Pods in manifests: Pods, and whatever has a Pod template."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import yaml

from podprobe.decoding import convert
from podprobe.errors import TargetError
from podprobe.model import Volume, VolumeMount
from podprobe.targets.kubernetes.objects import Meta, Pod, PodSpec, ServiceObject
from podprobe.targets.kubernetes.services import selects, service_of
from podprobe.targets.kubernetes.state import pod_state, specs
from podprobe.targets.manifest.nodes import Document, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.targets.base import PodState

T = TypeVar("T")
UNDECLARED = "undeclared"
"""The `type` of a volume that is mounted and not declared."""
_DEEPEST_LIST = 16


@dataclass(frozen=True)
class PodTemplate:
    """A Pod that a manifest would make."""

    kind: str
    """`Pod`, `Deployment`, …"""
    state: PodState
    document: Document
    """The object that the template is part of."""
    path: tuple[str | int, ...]
    """From the object to what holds the Pod's `spec`."""
    services: tuple[Document, ...]
    """The Services of `state`, in its order."""


@dataclass(frozen=True)
class Manifest:
    """What a file holds."""

    templates: tuple[PodTemplate, ...]
    objects: int
    """How many objects it has, those without Pods included; a document without a kind is none."""


def read(text: str, source: str) -> Manifest:
    """Read manifests.

    Args:
        text: YAML or JSON, any number of documents.
        source: the file's name, for errors.

    Raises:
        TargetError: it is no YAML, or an object is not what its kind says.
    """
    try:
        objects = [part for document in documents(text) for part in _flat(document)]
    except yaml.YAMLError as error:
        raise TargetError(f"{source}{_where(error)}: this is not YAML: {_problem(error)}") from None
    except (RecursionError, ValueError) as error:
        raise TargetError(f"{source}: this is not YAML that a cluster would take: {error}") from None
    services = [
        (part, _convert(part, part.value, ServiceObject, source, ()))
        for part in objects
        if _kind(part) == "Service"
    ]
    return Manifest(
        templates=tuple(_templates(objects, services, source)),
        objects=sum(bool(_kind(part)) for part in objects),
    )


def _flat(document: Document, depth: int = 0) -> Iterator[Document]:
    """The objects of a document; those of a `List` one by one."""
    if not isinstance(document.value, dict):
        return
    items = document.value.get("items")
    if _kind(document).endswith("List") and isinstance(items, list) and depth < _DEEPEST_LIST:
        for index in range(len(items)):
            yield from _flat(document.at("items", index), depth + 1)
    else:
        yield document


def _kind(document: Document) -> str:
    kind = document.value.get("kind")
    return kind if isinstance(kind, str) else ""


def _templates(
    objects: list[Document], services: list[tuple[Document, ServiceObject]], source: str
) -> Iterator[PodTemplate]:
    for document in objects:
        path = _path(document.value)
        if path is None:
            continue
        pod = _pod(document, path, source)
        mine = [
            (part, service)
            for part, service in services
            if service.metadata.namespace == pod.metadata.namespace and selects(service, pod)
        ]
        state = pod_state(pod, services=tuple(service_of(service, pod, None) for _, service in mine))
        yield PodTemplate(
            kind=_kind(document) or "Pod",
            state=_with_all_volumes(state, pod, document),
            document=document,
            path=path,
            services=tuple(part for part, _ in mine),
        )


def _path(value: dict[str, Any]) -> tuple[str, ...] | None:
    """Where the Pod's `spec` is in an object: in a Pod, in a template, in a CronJob's; `None` where there is none."""
    for path in ((), ("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
        part: Any = value
        for step in (*path, "spec", "containers"):
            part = part.get(step) if isinstance(part, dict) else None
        if isinstance(part, list):
            return path
    return None


def _pod(document: Document, path: tuple[str, ...], source: str) -> Pod:
    """The Pod, named after the object that makes it."""
    holder = document.at(*path) if path else document
    spec = _convert(document, _plain(holder.value["spec"]), PodSpec, source, (*path, "spec"))
    owner = _convert(document, document.value.get("metadata") or {}, Meta, source, ("metadata",))
    own = _convert(document, holder.value.get("metadata") or {}, Meta, source, (*path, "metadata"))
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


def _convert(document: Document, value: Any, kind: type[T], source: str, path: tuple[str, ...]) -> T:
    try:
        return convert(value, kind)
    except RecursionError:
        raise TargetError(f"{source}: an object holds itself (a YAML alias inside its own anchor)") from None
    except msgspec.ValidationError as error:
        problem, _, at = str(error).partition(" - at `$")
        steps = _steps(at.rstrip("`"))
        line, column = document.line(*path, *steps)
        name = ".".join(str(step) for step in (*path, *steps)) or "the object"
        raise TargetError(
            f"{source}:{line}:{column}: {name}: {problem}", "correct the manifest: a cluster would refuse it"
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
    claims = document.value["spec"].get("volumeClaimTemplates")
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


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}:{mark.column + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error)
