"""What the cluster's events tell of a Pod's probes, and of images that its node cannot get.

Missing permission is a note, never a failure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.model import ProbeFailures, Visibility
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.objects import EventList
from podprobe_agent.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import EventObject, Pod

    Failures = Mapping[tuple[str, str], ProbeFailures]
    """By container and the probe's role."""

_AGENT = re.compile(r"spec\.ephemeralContainers\{(?P<name>[^{}]+)\}")
_PULL = re.compile(r"Failed to pull image \"[^\"]*\": (?P<why>.*)", re.DOTALL)
_NO_IMAGE = frozenset({"ErrImageNeverPull", "InspectFailed"})
_CONTAINER = re.compile(r"spec\.(?:initContainers|containers)\{(?P<name>[^{}]+)\}")
_ROLE = re.compile(r"(?P<role>Startup|Readiness|Liveness) probe (?:failed|errored)")
_MOST = "2000"
"""Events asked for of a namespace, once for all its Pods; where it has more, each Pod's own are asked for. The kubelet
makes one of all that say the same."""
_MESSAGE_LENGTH = 300


def probe_failures(api: Api, pod: Pod) -> tuple[Failures | None, tuple[Visibility, ...]]:
    """Failures of the Pod's probes, asked for where there are any; `None` where the events may not be read."""
    specs = (*pod.spec.containers, *(pod.spec.init_containers or ()))
    if not any(one.startup_probe or one.readiness_probe or one.liveness_probe for one in specs):
        return {}, ()
    try:
        listed = _listed(api, pod, "involvedObject.kind=Pod")
        if listed.metadata.continue_:
            listed = _listed(api, pod, f"involvedObject.uid={pod.metadata.uid}")
    except ApiError as error:
        allow = "permission to list events" if error.status == 403 else None
        reason = f"recent failures of its probes are not known: {error.message}"
        return None, (Visibility(area="probes", container=None, level="partial", reason=reason, allow=allow),)
    if listed.metadata.continue_:
        return None, (_cut(),)
    return counted(event for event in listed.items if event.involved_object.uid == pod.metadata.uid), ()


def _listed(api: Api, pod: Pod, whose: str) -> EventList:
    return api.recently(
        asks.list_events(pod.metadata.namespace or "default"),
        EventList,
        fieldSelector=f"{whose},reason=Unhealthy",
        limit=_MOST,
    )


def _cut() -> Visibility:
    reason = f"recent failures of its probes are not known: there are more than {int(_MOST):,} events of them"
    return Visibility(area="probes", container=None, level="partial", reason=reason)


def image_failures(api: Api, pod: Pod) -> dict[str, str]:
    """Why the node cannot get an ephemeral container's image, by container: told long before its status is.

    Raises:
        ApiError: the events may not be read.
    """
    events = api.get(
        asks.list_events(pod.metadata.namespace or "default"),
        EventList,
        fieldSelector=f"involvedObject.uid={pod.metadata.uid},type=Warning",
        limit=_MOST,
    ).items
    return images_missing(events)


def images_missing(events: Iterable[EventObject]) -> dict[str, str]:
    """Of a Pod's warnings, those that a pull failed or will never be tried: the words, by ephemeral container."""
    found: dict[str, str] = {}
    for event in events:
        container = _AGENT.fullmatch(event.involved_object.field_path or "")
        pull = _PULL.fullmatch(event.message)
        if container and (pull or event.reason in _NO_IMAGE):
            found[container["name"]] = " ".join((pull["why"] if pull else event.message).split())
    return found


def counted(events: Iterable[EventObject]) -> Failures:
    """Failures by container and role, from events of reason `Unhealthy`."""
    found: dict[tuple[str, str], list[EventObject]] = {}
    for event in events:
        container = _CONTAINER.fullmatch(event.involved_object.field_path or "")
        role = _ROLE.match(event.message)
        if container and role:
            found.setdefault((container["name"], role["role"].lower()), []).append(event)
    return {key: _together(those) for key, those in found.items()}


def _together(events: list[EventObject]) -> ProbeFailures:
    latest = max(events, key=lambda event: event.last or "")
    message = Redactor().text(latest.message.strip())[:_MESSAGE_LENGTH]
    return ProbeFailures(
        count=sum(event.times for event in events),
        first_at=min((event.first for event in events if event.first), default=None),
        last_at=latest.last,
        message=message,
    )
