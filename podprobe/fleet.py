"""Many targets at once: looked at by a few threads, each result handed on as soon as it is there."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podprobe.errors import TargetError, UsageError, readable
from podprobe.opening import open_looker
from podprobe.targets.resolve import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.errors import PodprobeError
    from podprobe.model import Snapshot
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access
    from podprobe.targets.base import Progress
    from podprobe.targets.kubernetes.resolve import FoundPod

PARALLEL = 8
"""Pods looked at at the same time. Most of a look is waiting for containers to start on some node; more than this
wins little, and asks more of the API server and of one node's runtime at once."""

_FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Member:
    """One target of many."""

    target: str
    """As on the command line: `POD`, `deploy/NAME`, `local:PID`, `file:SNAPSHOT.json`."""
    namespace: str | None = None
    """`None`: as the command line or the context says."""

    @property
    def label(self) -> str:
        """`namespace/pod` where the namespace is known."""
        return f"{self.namespace}/{self.target}" if self.namespace else self.target


@dataclass(frozen=True)
class Outcome:
    """What came of one member: a snapshot, or the error."""

    member: Member
    snapshot: Snapshot | None
    error: PodprobeError | None
    seconds: float
    namespace: str | None = None
    """Of the Pod; `None` where it has none, or it is not known."""
    pod: str = ""
    """Its name; where none of a workload's Pods was found, what was asked for: `deploy/web`."""


@dataclass(frozen=True)
class Selection:
    """The Pods that a selector finds."""

    members: tuple[Member, ...]
    finished: int
    """Pods that have ended (`Succeeded`, `Failed`): nothing runs in them, so they are left out."""


def select(selector: str | None, access: Access, *, all_namespaces: bool = False) -> Selection:
    """The Pods that a label selector names, of one namespace or of all.

    Raises:
        TargetError: there is none, or the cluster cannot be reached.
        AccessError: listing them is not allowed.
    """
    from podprobe.targets.kubernetes import find_pods

    found = find_pods(selector, access, all_namespaces=all_namespaces)
    members = _running(found)
    if not members:
        where = (
            "in any namespace" if all_namespaces else f"in namespace {access.namespace or 'of the context'}"
        )
        what = f"selector {selector!r} matches no" if selector else "there is no"
        raise TargetError(
            f"{what} running Pod {where}",
            "compare with: kubectl get pods" + (f" -l {selector}" if selector else ""),
        )
    return Selection(members, len(found) - len(members))


def replicas(target: str, access: Access) -> Selection:
    """The Pods of a workload such as `deploy/web`.

    Raises:
        TargetError: there is no such workload, or it has no running Pod.
        AccessError: reading it is not allowed.
    """
    from podprobe.targets.kubernetes import find_replicas

    found = find_replicas(target, access)
    members = _running(found)
    if not members:
        raise TargetError(f"{target} has no running Pod", f"see why: kubectl describe {target}")
    return Selection(members, len(found) - len(members))


def look_at_all(
    members: Iterable[Member], access: Access, options: SessionOptions, *, parallel: int = PARALLEL
) -> Iterator[Outcome]:
    """Look at every member once. Outcomes come in the order in which they are done.

    No more than `parallel` snapshots exist that the caller has not taken yet, however many members there are. An
    error of one member is its outcome, even one that nobody foresaw; it stops no other.
    """
    waiting = deque(members)
    running: set[Future[Outcome]] = set()
    pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="pod")
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                running.add(pool.submit(_look, waiting.popleft(), access, options))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            while done:
                yield done.pop().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _running(found: Iterable[FoundPod]) -> tuple[Member, ...]:
    return tuple(Member(pod.name, pod.namespace) for pod in found if pod.phase not in _FINISHED)


def _look(member: Member, access: Access, options: SessionOptions) -> Outcome:
    began = time.monotonic()
    snapshot: Snapshot | None = None
    failure: PodprobeError | None = None
    label = ""
    try:
        own = replace(access, namespace=member.namespace) if member.namespace else access
        with open_looker(member.target, own, options, _unheard) as looker:
            try:
                snapshot = looker.look()
            finally:
                label = looker.label
    except Exception as error:  # noqa: BLE001  # a defect that one Pod brings to light is no other Pod's
        failure = readable(error)
    seconds = time.monotonic() - began
    if snapshot is not None:
        return Outcome(member, snapshot, failure, seconds, snapshot.target.namespace, snapshot.target.pod)
    return Outcome(member, None, failure, seconds, *_place(member, access, label))


def _place(member: Member, access: Access, label: str) -> tuple[str | None, str]:
    """Namespace and name of a Pod that could not be looked at, as far as they are known.

    Args:
        member: as it was asked for.
        access: what the command line says.
        label: of the target, if it came to one: `namespace/pod`, or `namespace/workload` where no Pod was found.
    """
    try:
        ref = parse(member.target)
    except UsageError:
        return None, member.target
    if ref.kind in ("file", "local"):
        return None, label or member.target
    namespace, _, found = label.rpartition("/")
    asked = ref.name if ref.kind == "pod" else f"{ref.kind}/{ref.name}"
    return (
        namespace or member.namespace or access.namespace,
        found if found and found != ref.name else asked,
    )


def _unheard(progress: Progress) -> None:
    """A hundred Pods' steps are nobody's news; the fleet's own progress is."""
