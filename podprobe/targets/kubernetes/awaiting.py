"""Waiting for agents' containers to run: as the watch tells it, or by asking where watching is not allowed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podprobe.errors import AgentError, TargetError
from podprobe.model import Visibility
from podprobe.targets.base import Progress
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.agents import Holder, holders
from podprobe.targets.kubernetes.events import image_failures
from podprobe.targets.kubernetes.failures import ApiAccessError, ApiError
from podprobe.targets.kubernetes.images import cannot_get, explain
from podprobe.targets.kubernetes.objects import Pod, PodEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.wants import Outcome

_POLL_SECONDS = 0.3
_EVENT_SECONDS = 2.0
"""How often the Pod's events are asked for: the kubelet reports a failed pull there 10 to 20 seconds before it does in
the container's status."""
_LONG_SECONDS = 10.0
"""From when on the user is told how long an image will be waited for."""


def await_running(
    api: Api, pod: Pod, wanted: Sequence[Holder], outcome: Outcome, progress: Callable[[Progress], None]
) -> AgentError | None:
    """Wait until the holders run, or it is clear that they will not.

    Returns:
        Why one does not run; `None` where all do.

    Raises:
        AgentError: not one of them runs.
    """
    names = {holder.name for holder in wanted}
    failed: dict[str, AgentError] = {}
    began = time.monotonic()
    present: list[Holder] = []
    seen = pod
    told = _Told(api)
    for seen in _changes(api, pod):
        if seen.metadata.deletion_timestamp:
            raise TargetError(f"Pod {pod.metadata.name} is being deleted", "look at another Pod")
        present = [holder for holder in holders(seen) if holder.name in names]
        failed = {
            holder.name: trouble
            for holder in present
            if (trouble := explain(holder, seen) or told.trouble(holder, seen))
        }
        coming = [holder for holder in present if not holder.running and holder.name not in failed]
        if not coming and len(present) == len(names):
            break
        done = len(names) - len(coming) - len(failed)
        doing = _doing(coming[0]) if coming else "waiting"
        if (waited := time.monotonic() - began) > _LONG_SECONDS:
            doing += f" for {waited:.0f} s of at most {api.request_timeout:.0f} s (--request-timeout)"
        progress(Progress(f"starting agents: {doing}", done=done, total=len(names)))
    else:
        seconds = time.monotonic() - began
        late = [holder for holder in present if not holder.running and holder.name not in failed]
        failed |= {holder.name: _too_late(seen, holder, seconds) for holder in late}
    for holder in present:
        if holder.name not in failed:
            outcome.running[holder.container] = holder
            continue
        outcome.notes.append(Visibility(
            area="agent", container=holder.container, level="none", reason=failed[holder.name].message,
            allow=failed[holder.name].hint,
        ))  # fmt: skip
    trouble = next(iter(failed.values()), None)
    if trouble and not outcome.running:
        raise trouble
    return trouble


class _Told:
    """What the Pod's events tell of images, asked for now and then while agents wait for theirs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._asked_at = time.monotonic()
        self._known: dict[str, str] = {}
        self._may_ask = True

    def trouble(self, holder: Holder, pod: Pod) -> AgentError | None:
        """Why the holder's image cannot be had; `None` while it may come."""
        if holder.running or holder.ended:
            return None
        if self._may_ask and time.monotonic() - self._asked_at >= _EVENT_SECONDS:
            self._asked_at = time.monotonic()
            try:
                self._known = image_failures(self._api, pod)
            except ApiError:
                self._may_ask = False
        why = self._known.get(holder.name)
        return cannot_get(holder, pod, why) if why else None


def _changes(api: Api, pod: Pod) -> Iterator[Pod]:
    """The Pod as it is, then at each change, for as long as one request may take."""
    yield pod
    deadline = time.monotonic() + api.request_timeout
    name, namespace = pod.metadata.name, pod.metadata.namespace or "default"
    may_watch = True
    while (left := deadline - time.monotonic()) > 0:
        if may_watch:
            try:
                for event in api.watch(
                    asks.list_pods(namespace).to("watch"), PodEvent, min(left, _EVENT_SECONDS),
                    fieldSelector=f"metadata.name={name}", resourceVersion=pod.metadata.resource_version,
                ):  # fmt: skip
                    if event.type == "DELETED":
                        raise TargetError(f"Pod {name} was deleted", "look at another Pod")
                    yield event.object
            except ApiAccessError:
                may_watch = False
            except ApiError as error:
                if error.status not in (0, 410, 429, 500, 503):
                    raise
        # The watch has ended, or is not allowed.
        time.sleep(min(_POLL_SECONDS, left))
        pod = api.get(asks.get_pod(namespace, name), Pod)
        yield pod


def _doing(holder: Holder) -> str:
    state = holder.status.state if holder.status else None
    reason = state.waiting.reason if state and state.waiting else None
    return "pulling the image" if reason == "ContainerCreating" else reason or "waiting for the kubelet"


def _too_late(pod: Pod, holder: Holder, seconds: float) -> AgentError:
    node = pod.spec.node_name
    if holder.status is None:
        return AgentError(
            f"the kubelet of node {node} did not start the agent within {seconds:.0f} s",
            f"is the node well? kubectl get node {node}",
        )
    return AgentError(
        f"the agent did not run after {seconds:.0f} s: {_doing(holder)} ({holder.image})",
        "a slow registry needs more time: try again, the next command uses the same agent; or raise --request-timeout",
    )
