"""Where the Pod is in an object, by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.targets.manifest.problems import REFUSED, Problem, Refused

if TYPE_CHECKING:
    from podprobe.targets.manifest.nodes import Document

Path = tuple[str, ...]
_TEMPLATE: Path = ("spec", "template")
_KNOWN: dict[str, Path] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": _TEMPLATE,
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
}
_GROUPS = frozenset({"", "apps", "batch", "extensions"})
"""The API groups that these kinds are of; others may have kinds of the same name and another shape (Volcano's Job)."""
_GUESSED: tuple[Path, ...] = ((), _TEMPLATE, ("spec", "jobTemplate", *_TEMPLATE))


def kind_of(document: Document) -> str:
    """The object's kind, or nothing."""
    kind = document.value.get("kind")
    return kind if isinstance(kind, str) else ""


def path_of(document: Document) -> Path | None:
    """The way to what holds the Pod's `spec`; `None` where there is no Pod in the object.

    Raises:
        Refused: the object's kind makes Pods, and this one has no containers where they belong.
    """
    known = _KNOWN.get(kind_of(document))
    if known is not None and _group(document.value) in _GROUPS:
        if not _containers(document.value, known):
            raise Refused(_without(document, known))
        return known
    return next((path for path in _GUESSED if isinstance(_containers(document.value, path), list)), None)


def _group(value: dict[str, Any]) -> str:
    version = value.get("apiVersion")
    return version.rpartition("/")[0] if isinstance(version, str) else ""


def _containers(value: dict[str, Any], path: Path) -> Any:
    return _at(value, (*path, "spec", "containers"))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _without(document: Document, path: Path) -> Problem:
    where = (*path, "spec", "containers")
    # A wrong indentation is what mostly does it: they stand some levels above their place, or beside it.
    above = [(*where[:end], "containers") for end in range(len(where) - 1)]
    stray = next((steps for steps in above if _at(document.value, steps) is not None), None)
    line, column = document.line(*(stray or where))
    return Problem(
        file=document.file,
        line=line,
        column=column,
        message=f"a {kind_of(document)} without {'.'.join(where)}: there is no Pod in it"
        + (f"; it has {'.'.join(stray)}" if stray else ""),
        hint=f"{REFUSED}; a patch has to be built first: kustomize build …",
    )
