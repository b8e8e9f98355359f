"""In what order the containers of a Pod started, and which of them waited for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.times import moment
from podprobe.model import Start, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from podprobe.model import Container


def starts(containers: Sequence[Container]) -> tuple[Start, ...]:
    """The start of each container, init containers and sidecars first, each kind in the order of the spec."""
    ordered = [one for one in containers if one.kind in ("init", "sidecar")]
    ordered += [one for one in containers if one.kind == "app"]
    told = [(one, *_span(one)) for one in ordered]
    begins = [begin for _, begin, _ in told if begin]
    first = min(begins, default=None)
    return tuple(_start(one, begin, end, first, ordered) for one, begin, end in told)


def _span(container: Container) -> tuple[datetime | None, datetime | None]:
    """When the present run began; of a container that does not run, when the last one began and ended."""
    if container.state == "running":
        return _finer(container), None
    last = container.last_exit
    return (moment(last.started_at), moment(last.finished_at)) if last else (None, None)


def _finer(container: Container) -> datetime | None:
    """The start of the oldest process, or the kubelet's second where that has nothing to do with it."""
    return moment(_oldest(container)) or moment(container.started_at)


_ROUNDING_SECONDS = 2.0
"""Between a container's start in whole seconds and its first process, whose clock began at the machine's boot."""


def _oldest(container: Container) -> str | None:
    """When the oldest process started; `None` where that is not about when the kubelet says that the container did.

    The first process may have handed over to another one, or not be among those that are kept.
    """
    processes = container.processes.top if container.processes else ()
    known = {at: one.started_at for one in processes if (at := moment(one.started_at))}
    if not known:
        return None
    first, kubelet = min(known), moment(container.started_at)
    apart = (first - kubelet).total_seconds() if kubelet else 0.0
    return known[first] if abs(apart) <= _ROUNDING_SECONDS else None


def _start(
    container: Container,
    begin: datetime | None,
    end: datetime | None,
    first: datetime | None,
    ordered: Sequence[Container],
) -> Start:
    last = container.last_exit
    runs = container.state == "running"
    return Start(
        container=container.name,
        kind=container.kind if container.kind != "ephemeral" else "app",
        started_at=container.started_at if runs else last.started_at if last else None,
        process_started_at=_oldest(container) if runs else None,
        ended_at=None if runs or not last else last.finished_at,
        after_ms=_milliseconds(first, begin),
        lasted_ms=_milliseconds(begin, end),
        restarts=container.restarts,
        waited_for=tuple(_waits(container, ordered)),
    )


def _waits(container: Container, ordered: Sequence[Container]) -> Iterator[Wait]:
    """Every init container and sidecar before it in the spec, which the kubelet goes through one by one, and of the
    application containers before it those with a `postStart` hook, which it runs before it starts the next.
    """
    for other in ordered:
        if other.name == container.name:
            return
        if other.kind == "init":
            yield Wait(container=other.name, until="ended")
        elif other.kind == "sidecar" and any(probe.role == "startup" for probe in other.probes):
            yield Wait(container=other.name, until="startup-probe")
        elif other.post_start_hook:
            yield Wait(container=other.name, until="post-start-hook")
        elif other.kind == "sidecar":
            yield Wait(container=other.name, until="running")


def _milliseconds(earlier: datetime | None, later: datetime | None) -> int | None:
    if earlier is None or later is None:
        return None
    return max(0, round((later - earlier).total_seconds() * 1000))
