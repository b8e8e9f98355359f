"""From the word on the command line to a target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from podprobe.errors import UsageError

if TYPE_CHECKING:
    from podprobe.targets.access import Access
    from podprobe.targets.base import PodTarget

Kind = Literal["pod", "deploy", "sts", "ds", "job", "local", "file"]

_KINDS: dict[str, Kind] = {
    "po": "pod", "pod": "pod", "pods": "pod",
    "deploy": "deploy", "deployment": "deploy", "deployments": "deploy",
    "sts": "sts", "statefulset": "sts", "statefulsets": "sts",
    "ds": "ds", "daemonset": "ds", "daemonsets": "ds",
    "job": "job", "jobs": "job",
}  # fmt: skip
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_FORMS = "POD, pod/NAME, deploy/NAME, sts/NAME, ds/NAME, job/NAME, local:PID or file:SNAPSHOT.json"


@dataclass(frozen=True)
class TargetRef:
    """What a target argument names."""

    kind: Kind
    name: str
    """A Kubernetes name, a PID, or a path."""


def parse(text: str) -> TargetRef:
    """Read a target argument.

    Raises:
        UsageError: it has none of the known forms.
    """
    if text.startswith("file:"):
        if not text[5:]:
            raise UsageError("file: names no file", "say file:SNAPSHOT.json")
        return TargetRef("file", text[5:])
    if text.startswith("local:"):
        if not text[6:].isdecimal() or int(text[6:]) == 0:
            raise UsageError(
                f"{text!r} is not a process id", "say local:PID with the PID of a process of the Pod"
            )
        return TargetRef("local", text[6:])
    kind, slash, name = text.rpartition("/")
    if slash and kind.lower() not in _KINDS:
        raise UsageError(f"podprobe cannot look at a {kind!r}", f"a target is {_FORMS}")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{text!r} is not the name of a Kubernetes object", f"a target is {_FORMS}")
    return TargetRef(_KINDS[kind.lower()] if slash else "pod", name)


def open_target(ref: TargetRef, access: Access) -> PodTarget:
    """The target that `ref` names, not yet looked at.

    Raises:
        UsageError: a file is no target to open; read it with `podprobe.targets.recording`.
        TargetError, AccessError: it does not exist, or cannot be reached.
    """
    if ref.kind == "file":
        raise UsageError(f"file:{ref.name} is a recorded snapshot: nothing in it can be asked again")
    if ref.kind == "local":
        from podprobe.targets.local import open_local

        return open_local(int(ref.name), request_timeout=access.request_timeout, agents=access.agents)
    from podprobe.targets.kubernetes import open_pod

    return open_pod(f"{ref.kind}/{ref.name}", access)
