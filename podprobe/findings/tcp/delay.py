"""Delay inside the Pod: the kernel's own round trips, and probes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from podprobe.analysis import bounds, endpoints
from podprobe.analysis.latency import is_slow, waited_for_cpu
from podprobe.analysis.loss import lost, needlessly
from podprobe.analysis.words import count, listed, micros
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Connection, Flow, Snapshot


@rule(
    "TCP104",
    "warning",
    title="Round trips on loopback are slow",
    when="The 99th percentile of the round-trip times of connections within the Pod to one port is "
    "{p99_us:us} or more, and even their fastest round trip took {floor_us:us} or more, or segments "
    "were lost.",
    measured="`tcpi_rtt` and `tcpi_min_rtt` (tcp_info) of every open connection. The kernel may hold an "
    "acknowledgement back for 40 ms and more while the program has nothing to say, which lifts "
    "`tcpi_rtt` of a quiet connection in perfect order; so `tcpi_min_rtt`, or loss, must say the same.",
    why="A segment on loopback is delivered within tens of microseconds, in the sender's own time. If "
    "even the fastest took milliseconds, something delays packets: netem, a proxy in the way, a node "
    "that is out of CPU.",
    remedy="Look at the qdisc of `lo` (`tc -s qdisc show dev lo`), for rules that redirect (a mesh's proxy), "
    "and at the node's CPU.",
    thresholds={
        "p99_us": bounds.threshold("TCP104.p99_us", Threshold),
        "floor_us": Threshold(1000, "microseconds that the fastest round trip took"),
    },
    of_channels=True,
)
def slow_round_trips(look: Look) -> Iterator[Hit]:
    """Slow round trips where no wire is."""
    sockets = _sockets(look.snapshot)
    for index, flow in enumerate(look.snapshot.network.flows):
        ours = facts.ours(look.snapshot, flow.from_container, flow.to_container)
        if not ours or not facts.inside(flow) or flow.protocol != "tcp":
            continue
        own = sockets.get((flow.from_container, flow.to_container, flow.server), [])
        # Only sockets whose fastest round trip was slow, or which lost segments, can testify (see `measured`).
        slow = [each for each in own if (each.min_rtt_us or 0) >= look["floor_us"] or lost(each)]
        times = sorted(each.rtt_us for each in own if each.rtt_us)
        p99 = _p99(times)
        if (
            not slow
            or p99 is None
            or p99 < look["p99_us"]
            or max(each.rtt_us or 0 for each in slow) < look["p99_us"]
        ):
            continue
        fastest = min((each.min_rtt_us for each in own if each.min_rtt_us), default=None)
        least = "" if fastest is None else f"; the fastest single round trip took {micros(fastest)}"
        yield Hit(
            subject=f"{facts.parties(flow)} {flow.server}",
            evidence=[
                (
                    f"The 99th percentile of {count(len(times), 'round-trip time')} between "
                    f"{flow.from_container or 'the client'} and {flow.to_container or 'the server'} at "
                    f"{flow.server} is {micros(p99)}{least}."
                ),
                *_lost(flow),
            ],
            remedy="Look at what delays packets on `lo`: `tc -s qdisc show dev lo`, a proxy in front of "
            f"{flow.server}, and the CPU of the node and of both containers (RES101).",
            pointers=[f"/network/flows/{index}"],
            containers=[flow.from_container, flow.to_container],
        )


def _sockets(snapshot: Snapshot) -> dict[tuple[str | None, str | None, str], list[Connection]]:
    found: dict[tuple[str | None, str | None, str], list[Connection]] = {}
    for each in snapshot.network.connections:
        if each.protocol == "tcp" and facts.inside(each):
            server = each.local if each.role == "server" else each.remote
            found.setdefault((each.from_container, each.to_container, server), []).append(each)
    return found


def _p99(ordered: list[int]) -> int | None:
    """The nearest rank."""
    return ordered[-(-99 * len(ordered) // 100) - 1] if ordered else None


def _lost(flow: Flow) -> list[str]:
    if not lost(flow):
        return []
    return [f"{count(flow.retransmits, 'segment')} were sent again{needlessly(flow)}."]


@rule(
    "TCP105",
    "warning",
    title="Connecting within the Pod is slow or fails",
    when="Of the probes to an endpoint of the Pod one failed, or their 99th percentile is {p99_us:us} or "
    "more; a single slow one among fewer than 100 counts from {alone_us:us}. Not where the probes took "
    "so long only because they themselves waited for a CPU (RES105).",
    measured="connect() to loopback ports and unix sockets, or HTTP GET, from inside the Pod by the agent, "
    "each timed with CLOCK_MONOTONIC, and how much of that the probe was ready to run and had no CPU "
    "(`/proc/thread-self/schedstat`).",
    why="It is what the neighbours of the container go through. A connect on loopback takes tens of "
    "microseconds; a second and more is a lost handshake that the kernel repeated.",
    remedy="Failures: see which error. ECONNREFUSED, nobody listens (any more); ETIMEDOUT or EAGAIN, the "
    "accept queue is full. Slow: see TCP101, NET107 and RES101 of the same container.",
    thresholds={
        "p99_us": bounds.threshold("TCP105.p99_us", Threshold),
        "alone_us": bounds.threshold("TCP105.alone_us", Threshold),
    },
    of_channels=True,
)
def slow_probes(look: Look) -> Iterator[Hit]:
    """Probes that fail or dawdle."""
    for index, each in enumerate(look.snapshot.latency):
        inside = each.to_container is not None or each.kind == "unix" or _on_loopback(each.to)
        if not inside or each.count <= 0:
            continue
        slow = is_slow(each, look["p99_us"], look["alone_us"]) and not waited_for_cpu(
            each, look["p99_us"], look["alone_us"]
        )
        if not each.failures and not slow:
            continue
        evidence = []
        if each.failures:
            kinds = listed(f"{number} × {name}" for name, number in sorted(each.errors.items()))
            evidence.append(
                f"{each.failures:,} of {count(each.count, 'probe')} to {each.to} "
                f"failed{f' ({kinds})' if kinds else ''}."
            )
        if slow and each.p99_us is not None:
            median = "" if each.p50_us is None else f", the median {micros(each.p50_us)}"
            evidence.append(
                f"The 99th percentile of {count(each.count, 'probe')} to {each.to} is "
                f"{micros(each.p99_us)}{median}."
            )
            if each.cpu_wait_us and each.max_less_cpu_wait_us is not None:
                evidence.append(
                    f"Waiting for a CPU explains {micros(each.cpu_wait_us)} of all probes; besides that one of them "
                    f"took {micros(each.max_less_cpu_wait_us)}."
                )
        yield Hit(
            subject=f"{each.from_container or 'Pod'} → {each.to_container or 'Pod'} {each.to} {each.kind}",
            evidence=evidence,
            remedy=f"Look at {each.to_container or 'the server'}'s other findings (TCP101, NET107, NET110, "
            "RES101): loss, a full backlog or too little CPU explain most. If there are none, see "
            "what keeps it from accept().",
            pointers=[f"/latency/{index}"],
            containers=[each.from_container, each.to_container],
        )


def _on_loopback(to: str) -> bool:
    try:
        host = urlsplit(to).hostname if "//" in to else endpoints.split(to)[0]
    except ValueError:
        return False
    return endpoints.is_loopback(host or "")
