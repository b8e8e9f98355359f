"""How an agent's ephemeral container looks: its name, its marks, and the process that holds it open."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from podprobe.targets.kubernetes.objects import ContainerSpec, ContainerStatus, Pod, SecurityContext

PREFIX = "podprobe-"
MARK = "podprobe-agent"
"""Last argument of every agent's process, by which its holder recognises it."""
_MAX_NAME = 63
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # as Kubernetes: no word can come out of it

_HOLDER = """\
trap 'kill "$s" 2>/dev/null; wait; exit 0' TERM
n=$PODPROBE_TTL
while sleep "$n" & s=$!; wait "$s"; do
  grep -qs 'podprobe[-]agent' /proc/[0-9]*/cmdline || exit 0
  n=30
done"""
"""Sleeps for the agent's lifetime, then for as long as somebody looks, and ends with status 0.

Its one child is killed and reaped before it ends: it shares the PID namespace of the container looked at, and an
orphan would become a child, and then perhaps a zombie, of the application's first process.
"""


@dataclass(frozen=True)
class Holder:
    """An agent's ephemeral container in a Pod: alive, coming or ended."""

    name: str
    container: str | None
    """The container it looks at; `None`: the whole Pod."""
    target_id: str | None
    """Of the container when the agent was made: after a restart it is another."""
    profile: str
    version: str
    user: str
    """The user and group ids it was given, `1000:1000`; empty where its image's."""
    image: str
    status: ContainerStatus | None = None
    security: SecurityContext | None = None

    @property
    def passes_over(self) -> bool:
        """Its root may read what its permissions keep from others (`CAP_DAC_OVERRIDE`, `CAP_DAC_READ_SEARCH`)."""
        said = self.security.capabilities if self.security else None
        if "DAC_READ_SEARCH" in ((said.add if said else None) or ()):
            return True
        return not {"ALL", "DAC_OVERRIDE"} & set((said.drop if said else None) or ())

    @property
    def running(self) -> bool:
        """It can take an exec."""
        return bool(self.status and self.status.state and self.status.state.running)

    @property
    def ended(self) -> bool:
        """It will never run again."""
        return bool(self.status and self.status.state and self.status.state.terminated)


def is_agent(spec: ContainerSpec) -> bool:
    """An ephemeral container of podprobe's, whichever version made it."""
    return spec.name.startswith(PREFIX) and any(one.name == "PODPROBE_VERSION" for one in spec.env or ())


def holders(pod: Pod) -> list[Holder]:
    """The Pod's agents, newest last."""
    reported = pod.statuses()
    return [
        _holder(spec, reported.get(spec.name))
        for spec in pod.spec.ephemeral_containers or ()
        if is_agent(spec)
    ]


def _holder(spec: ContainerSpec, status: ContainerStatus | None) -> Holder:
    env = {one.name: one.value for one in spec.env or ()}
    return Holder(
        name=spec.name,
        container=env.get("PODPROBE_TARGET") or None,
        target_id=env.get("PODPROBE_TARGET_ID") or None,
        profile=env.get("PODPROBE_PROFILE", "mirror"),
        version=env.get("PODPROBE_VERSION", ""),
        user=env.get("PODPROBE_USER", ""),
        image=spec.image or "",
        status=status,
        security=spec.security_context,
    )


def manifest(
    *, container: str | None, target_id: str | None, join: str | None, image: str, ttl: int, profile: str, version: str,
    security: dict[str, Any], mounts: list[dict[str, Any]], taken: Collection[str],
) -> dict[str, Any]:  # fmt: skip
    """The ephemeral container of an agent.

    Args:
        container: whom it looks at; `None` for the whole Pod.
        target_id: that container's id.
        join: whose PID namespace to join; `None` where all containers share one.
        image: with Python 3.9 or newer and a shell.
        ttl: lifetime at rest in seconds.
        profile: how its privileges were chosen.
        version: podprobe's.
        security: its `securityContext`.
        mounts: `volumeMounts`.
        taken: names that are in use.
    """
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    marks = {
        "PODPROBE_VERSION": version,
        "PODPROBE_TTL": str(ttl),
        "PODPROBE_TARGET": container or "",
        "PODPROBE_TARGET_ID": target_id or "",
        "PODPROBE_PROFILE": profile,
        "PODPROBE_USER": "" if user is None else f"{user}:{'' if group is None else group}",
    }
    made: dict[str, Any] = {
        "name": new_name(container or "pod", taken),
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _HOLDER],
        "env": [{"name": name, "value": value} for name, value in marks.items()],
        "securityContext": security,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if join:
        made["targetContainerName"] = join
    if mounts:
        made["volumeMounts"] = mounts
    return made


def new_name(container: str, taken: Collection[str]) -> str:
    """`podprobe-<container>-<suffix>`, a DNS label of at most 63 characters that is not taken."""
    while True:
        suffix = "".join(secrets.choice(_ALPHABET) for _ in range(5))
        room = _MAX_NAME - len(PREFIX) - len(suffix) - 1
        middle = re.sub(r"[^a-z0-9-]", "-", container)[:room].strip("-") or "pod"
        name = f"{PREFIX}{middle}-{suffix}"
        if name not in taken:
            return name
