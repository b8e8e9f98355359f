"""From a JSON pointer into a snapshot to the line of the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podprobe.targets.manifest.nodes import Document
    from podprobe.targets.manifest.pods import PodTemplate

_TARGET_FIELDS = {"host_network": "hostNetwork", "shared_pid": "shareProcessNamespace"}


@dataclass(frozen=True)
class Place:
    """A line and column, both from 1."""

    file: str
    line: int
    column: int


def place(template: PodTemplate, pointer: str) -> Place:
    """Where the manifest says what a pointer into the snapshot made from it points at.

    The nearest that is there, where the thing itself is not (a limit that is missing: the container).
    """
    first, _, rest = pointer.removeprefix("/").partition("/")
    steps = rest.split("/")
    document = template.document
    path: tuple[str | int, ...] = (*template.path, "spec")
    if first == "services" and steps[0].isdecimal() and int(steps[0]) < len(template.services):
        document = template.services[int(steps[0])]
        path = ("spec", *_numbered(steps[1:]))
    elif first == "containers" and steps[0].isdecimal():
        path = (*path, *_container(template, int(steps[0]), steps[1:]))
    elif first == "volumes" and steps[0].isdecimal():
        path = (*path, *_volume(template, int(steps[0])))
    elif first == "target":
        path = (*path, _TARGET_FIELDS.get(steps[0], steps[0]))
    return Place(document.file, *document.line(*path))


def _numbered(steps: list[str]) -> list[str | int]:
    return [int(step) if step.isdecimal() else step for step in steps if step]


def _container(template: PodTemplate, index: int, rest: list[str]) -> list[str | int]:
    containers = template.state.containers
    if index >= len(containers):
        return []
    path = _of_container(template, containers[index].name)
    if rest[:1] == ["probes"] and len(rest) > 1 and rest[1].isdecimal():
        probes = containers[index].probes
        number = int(rest[1])
        return [*path, f"{probes[number].role}Probe"] if number < len(probes) else path
    return [*path, *_numbered(rest)]


def _of_container(template: PodTemplate, name: str) -> list[str | int]:
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for index, each in enumerate(_items(template, kind)):
            if each.get("name") == name:
                return [kind, index]
    return []


def _volume(template: PodTemplate, index: int) -> list[str | int]:
    volumes = template.state.volumes
    if index >= len(volumes):
        return []
    volume = volumes[index]
    for number, each in enumerate(_items(template, "volumes")):
        if each.get("name") == volume.name:
            return ["volumes", number]
    for mount in volume.mounts:
        path = _of_container(template, mount.container)
        holder = _items(template, str(path[0]))[int(path[1])] if path else {}
        for number, each in enumerate(holder.get("volumeMounts") or []):
            if isinstance(each, dict) and each.get("name") == volume.name:
                return [*path, "volumeMounts", number]
    return []


def _items(template: PodTemplate, kind: str) -> list[dict[str, Any]]:
    document: Document = template.document.at(*template.path, "spec")
    items = document.value.get(kind)
    return [each if isinstance(each, dict) else {} for each in items] if isinstance(items, list) else []
