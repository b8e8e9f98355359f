"""Read manifests: their objects, of which those that make Pods, and Services, are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from podprobe.targets.manifest.kinds import kind_of, path_of
from podprobe.targets.manifest.nodes import Document, documents
from podprobe.targets.manifest.problems import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.targets.manifest.kinds import Path

_DEEPEST_LIST = 16


@dataclass(frozen=True)
class Manifest:
    """What a file holds."""

    file: str
    objects: int = 0
    """How many objects it has, those without Pods included; a document without a kind is none."""
    pods: tuple[tuple[Document, Path], ...] = ()
    """The objects that make Pods, each with the way to what holds the Pod's `spec`."""
    services: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(text: str, file: str) -> Manifest:
    """Read a file.

    Args:
        text: YAML or JSON, any number of documents.
        file: its name.

    Returns:
        What it holds, as far as it can be read; why not all, in `problems`.
    """
    objects = 0
    pods: list[tuple[Document, Path]] = []
    services: list[Document] = []
    problems: list[Problem] = []
    try:
        for document in documents(text, file):
            problems += _repeated(document)
            for part in _flat(document):
                objects += bool(kind_of(part))
                if kind_of(part) == "Service":
                    services.append(part)
                    continue
                try:
                    path = path_of(part)
                except Refused as refused:
                    problems.append(refused.problem)
                else:
                    pods += [] if path is None else [(part, path)]
    except yaml.YAMLError as error:
        problems.append(_no_yaml(error, file))
    except (RecursionError, ValueError) as error:
        problems.append(Problem(file=file, message=f"this is not YAML that a cluster would take: {error}"))
    return Manifest(file, objects, tuple(pods), tuple(services), tuple(problems))


def _flat(document: Document, depth: int = 0) -> Iterator[Document]:
    """The objects of a document; those of a `List` one by one."""
    if not isinstance(document.value, dict):
        return
    items = document.value.get("items")
    if kind_of(document).endswith("List") and isinstance(items, list) and depth < _DEEPEST_LIST:
        for index in range(len(items)):
            yield from _flat(document.at("items", index), depth + 1)
    else:
        yield document


def _repeated(document: Document) -> Iterator[Problem]:
    for key, mark, first in document.repeated:
        yield Problem(
            file=document.file,
            line=mark.line + 1,
            column=mark.column + 1,
            message=f"the key {key!r} is there already, in line {first.line + 1}",
            hint="leave one of the two: kubectl refuses both, and what takes them drops the first",
        )


def _no_yaml(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    return Problem(
        file=file,
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
        message=f"this is not YAML: {getattr(error, 'problem', None) or error}",
    )
