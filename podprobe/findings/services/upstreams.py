"""What a proxy says of those that it sends requests to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Snapshot, Upstream

_MEASURED = (
    "Envoy's administration port, asked over loopback every few seconds (`/clusters`, `/stats`; reads alone), unless "
    "`--passive` is given."
)


@rule(
    "SVC108",
    "critical",
    "warning",
    title="A proxy has no healthy host to send requests to",
    when="An upstream of an Envoy in the Pod has hosts, and health checks, outlier detection or discovery call all of "
    "them unhealthy: critical where requests were sent there, else a warning.",
    measured=_MEASURED,
    why="Every request for that upstream is answered with an error by the proxy itself (503), or goes to hosts that "
    "are known to fail.",
    remedy="See what each host fails by (the evidence says), and mend that: the application behind it, its health "
    "check's path, or a policy between the two.",
)
def no_healthy_host(look: Look) -> Iterator[Hit]:
    """All hosts of an upstream are unhealthy."""
    for pointer, proxy, upstream in _upstreams(look.snapshot):
        if not upstream.hosts or upstream.healthy_hosts:
            continue
        yield Hit(
            subject=f"{proxy} upstream {upstream.name}",
            evidence=[
                f"Of {count(upstream.hosts, 'host')} of {upstream.name}, {proxy} calls none healthy.",
                *(f"{each}." for each in upstream.unhealthy[:5]),
                *_asked(upstream),
            ],
            remedy=f"See why the hosts of {upstream.name} fail, and whether {proxy} checks them rightly.",
            pointers=[pointer],
            containers=[proxy],
            severity="critical" if upstream.requests else "warning",
        )


@rule(
    "SVC109",
    "warning",
    title="A proxy cannot connect to its upstream",
    when="An Envoy in the Pod failed to connect to an upstream between the recent looks; in a first look: {alone} "
    "times or more since it started, and no connection to it is open.",
    measured=f"{_MEASURED} `upstream_cx_connect_fail`, which counts connections that timed out too.",
    why="Each failure is a request that waits, is tried again, or is answered with an error (503) by the proxy.",
    remedy="See whether the upstream listens where the proxy expects it, and whether a NetworkPolicy is between.",
    thresholds={"alone": Threshold(3, "failures that count in a first look")},
)
def cannot_connect(look: Look) -> Iterator[Hit]:
    """Connections to an upstream fail."""
    for pointer, proxy, upstream in _upstreams(look.snapshot):
        failures = upstream.connect_failures or 0
        earlier = _earliest(look, proxy, upstream)
        if earlier is not None:
            seconds, then = earlier
            new = failures - (then.connect_failures or 0)
            if new < 1:
                continue
            said = f"{proxy} failed {count(new, 'time')} to connect to {upstream.name} in the last {seconds:.0f} s."
        elif failures >= max(1.0, look["alone"]) and not upstream.connections:
            said = (
                f"{proxy} failed {count(failures, 'time')} to connect to {upstream.name} since its start, and has no "
                "connection to it now."
            )
        else:
            continue
        yield Hit(
            subject=f"{proxy} upstream {upstream.name}",
            evidence=[said, *_asked(upstream)],
            remedy=f"See whether {upstream.name} listens where {proxy} expects it (`paths`, and the Pod's ports, if it "
            "is in this Pod).",
            pointers=[pointer],
            containers=[proxy],
        )


@rule(
    "SVC110",
    "warning",
    title="Requests wait in a proxy, or are refused there",
    when="{pending} requests or more wait in an Envoy for a connection to an upstream, {looks} times in a row that it "
    "is asked; or it has refused requests between the recent looks, as too many waited.",
    measured=f"{_MEASURED} `upstream_rq_pending_active` and `upstream_rq_pending_overflow`.",
    why="The upstream is slower than its callers, or the proxy may open too few connections to it: latency grows by "
    "the time in the queue, and what does not fit is answered with 503.",
    remedy="Look at the upstream first (its CPU, its accept queue); then at the proxy's circuit breaker "
    "(`max_connections`, `max_pending_requests`).",
    thresholds={
        "pending": Threshold(10, "requests that wait"),
        "looks": Threshold(3, "answers of the proxy in a row that say so; it is asked every five seconds"),
    },
)
def requests_wait(look: Look) -> Iterator[Hit]:
    """The proxy's queue stands, or overflows."""
    answers = _answers(look)
    for pointer, proxy, upstream in _upstreams(look.snapshot):
        waiting = answers[proxy, upstream.name][: max(1, int(look["looks"]))]
        said = []
        if len(waiting) >= look["looks"] and all(
            (each.pending_requests or 0) >= max(1.0, look["pending"]) for each in waiting
        ):
            said.append(
                f"{count(upstream.pending_requests or 0, 'request')} wait in {proxy} for a connection to "
                f"{upstream.name}; it has {count(upstream.connections or 0, 'connection')}."
            )
        if earlier := _earliest(look, proxy, upstream):
            seconds, then = earlier
            refused = (upstream.pending_overflow or 0) - (then.pending_overflow or 0)
            if refused > 0:
                said.append(
                    f"{proxy} refused {count(refused, 'request')} for {upstream.name} in the last {seconds:.0f} s."
                )
        if said:
            yield Hit(
                subject=f"{proxy} upstream {upstream.name}",
                evidence=[*said, *_asked(upstream)],
                remedy=f"See what keeps {upstream.name} busy; if nothing does, let {proxy} open more connections "
                "to it.",
                pointers=[pointer],
                containers=[proxy],
            )


def _upstreams(snapshot: Snapshot) -> Iterator[tuple[str, str, Upstream]]:
    for index, proxy in enumerate(snapshot.proxies):
        for place, upstream in enumerate(proxy.admin.upstreams if proxy.admin else ()):
            yield f"/proxies/{index}/admin/upstreams/{place}", proxy.container, upstream


def _answers(look: Look) -> dict[tuple[str, str], list[Upstream]]:
    """What each proxy said of each upstream, newest first, each answer once: several looks have the same one."""
    found: dict[tuple[str, str], list[tuple[int | None, Upstream]]] = {}
    for snapshot in (look.snapshot, *reversed(look.history)):
        for proxy in snapshot.proxies:
            uptime = proxy.admin.uptime_seconds if proxy.admin else None
            for upstream in proxy.admin.upstreams if proxy.admin else ():
                told = found.setdefault((proxy.container, upstream.name), [])
                if not told or uptime is None or told[-1][0] != uptime:
                    told.append((uptime, upstream))
    return {key: [upstream for _, upstream in told] for key, told in found.items()}


def _earliest(look: Look, proxy: str, upstream: Upstream) -> tuple[float, Upstream] | None:
    """The upstream in the earliest recent look that has it, and how many seconds ago that was.

    Not in the look before: proxies are asked less often than one looks.
    """
    for old in look.history:
        for _, name, each in _upstreams(old):
            if (name, each.name) == (proxy, upstream.name):
                return seconds_between(old.taken_at, look.snapshot.taken_at) or 0.0, each
    return None


def _asked(upstream: Upstream) -> list[str]:
    parts = [f"{upstream.requests:,} sent"] if upstream.requests is not None else []
    parts += [f"{upstream.failed_requests:,} failed"] if upstream.failed_requests else []
    return [f"Requests to {upstream.name} since the proxy's start: {', '.join(parts)}."] if parts else []
