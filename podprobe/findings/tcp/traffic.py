"""Resets, and traffic that would be cheaper over a unix socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count, micros, percent, share, size
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podprobe.model import Flow, Latency, Snapshot


@rule(
    "TCP106",
    "warning",
    "info",
    title="Connections end by reset",
    when="In a Pod whose containers talk over TCP, {warning_ratio:percent} of the connections or more end "
    "by reset, {resets:n} at least: since the look before, else since the Pod began. Where they may all have been "
    "connections with outside, it is an info.",
    measured="`Tcp.EstabResets` over `Tcp.ActiveOpens` + `Tcp.PassiveOpens` (/proc/net/snmp). The kernel "
    "counts a connection within the Pod at both ends, and does not tell connections within the Pod "
    "from those with outside. That so many were inside is certain only where no listener can be reached from outside: "
    "then every connection that was accepted was opened inside, and at most `ActiveOpens` - `PassiveOpens` went out. "
    "Probes of podprobe's own since the look before are taken off.",
    why="A reset throws away what was under way. It comes from a program that closes a socket it has not "
    "read to its end, from timeouts that are shorter on one side than on the other, and from crashes.",
    remedy="Compare keep-alive and idle timeouts: the client's must be the shorter. `podprobe capture` shows "
    "which flow is reset, and by which side.",
    thresholds={
        "warning_ratio": Threshold(0.01, "share of the connections"),
        "resets": Threshold(20, "resets, below which the share says nothing"),
    },
)
def resets(look: Look) -> Iterator[Hit]:
    """Too many connections are cut off."""
    flows = [(index, flow) for index, flow in enumerate(look.snapshot.network.flows) if facts.inside(flow)]
    # On the host's network the counters are the node's.
    if not flows or look.snapshot.target.host_network:
        return
    now, since = look.snapshot.network.counters.values, "since the Pod's network began"
    if (before := look.previous) is not None:
        past = before.network.counters.values
        if past:
            now, since = {key: now[key] - past[key] for key in now if key in past}, "since the look before"
    # Many a server (haproxy) answers a connection without a request, as a probe's, with a reset.
    probes = look.snapshot.network.counters.own_probes
    cut = max(0, now.get("Tcp.EstabResets", 0) - probes)
    opened = max(cut, now.get("Tcp.ActiveOpens", 0) + now.get("Tcp.PassiveOpens", 0) - 2 * probes)
    ratio = share(cut, opened)
    if ratio is None or ratio < look["warning_ratio"] or cut < look["resets"]:
        return
    told = f"{count(cut, 'socket')} of {opened:,} opened ({percent(ratio)}) ended by reset {since}."
    own = cut - _towards_outside(look.snapshot, now, cut)
    if own < look["resets"] or (share(own, opened) or 0.0) < look["warning_ratio"]:
        yield Hit(
            subject="Pod",
            severity="info",
            evidence=[
                f"{told} They may all be of connections with outside: health checks of load balancers end by reset."
            ],
            remedy="Run `podprobe capture`, and `podprobe capture -i eth0` beside it: they show which flow is reset, "
            "and by whom.",
            pointers=["/network/counters"],
        )
        return
    also = f" At least {own:,} of them were inside the Pod." if own < cut else ""
    names = sorted({name for _, flow in flows for name in (flow.from_container, flow.to_container) if name})
    yield Hit(
        subject="Pod",
        evidence=[f"{told}{also}"],
        remedy="Run `podprobe capture` to see which flow is reset and by whom; then make the client's idle "
        "timeout shorter than its server's.",
        pointers=["/network/counters", *(f"/network/flows/{index}" for index, _ in flows[:20])],
        containers=names,
    )


def _towards_outside(snapshot: Snapshot, counted: Mapping[str, int], most: int) -> int:
    """How many of the resets may have been of connections with outside, at the most."""
    tcp = [each for each in snapshot.network.listeners if each.protocol == "tcp"]
    if any(not endpoints.is_loopback(each.address) for each in tcp):
        return most
    # Nobody from outside can come in, so whatever was accepted was opened in here, and the rest went out or failed.
    return min(most, max(0, counted.get("Tcp.ActiveOpens", 0) - counted.get("Tcp.PassiveOpens", 0)))


@rule(
    "TCP107",
    "info",
    title="A hot channel that a unix socket would serve cheaper",
    when="Between two containers over TCP on loopback: {connections_per_second:n} connections a second or "
    "more, or {bytes_per_second:size} a second or more.",
    measured="Bytes of the flow (`tcpi_bytes_acked`, `tcpi_bytes_received`) and its sockets in TIME_WAIT, as "
    "the difference between two looks; probes of TCP and unix sockets of the same container where "
    "there are both.",
    why="TCP on loopback goes through the whole stack: segments, acknowledgements, timers, a port for "
    "each connection for 60 seconds after it closed. A unix socket copies once.",
    remedy="Share an emptyDir between the two containers, let the server listen on a socket in it, and point "
    "the client at the path.",
    thresholds={
        "connections_per_second": Threshold(1000, "connections a second"),
        "bytes_per_second": Threshold(100 * 2**20, "bytes a second, both ways together"),
    },
    looks=2,
)
def hot_channel(look: Look) -> Iterator[Hit]:
    """TCP on loopback between two containers, hard at work."""
    if look.previous is None:
        return
    seconds = seconds_between(look.previous.taken_at, look.snapshot.taken_at)
    if not seconds or seconds <= 0:
        return
    before = {_key(flow): flow for flow in look.previous.network.flows}
    for index, flow in enumerate(look.snapshot.network.flows):
        past = before.get(_key(flow))
        two = flow.from_container and flow.to_container and flow.from_container != flow.to_container
        if past is None or not two or flow.scope != "loopback" or flow.protocol != "tcp":
            continue
        # Connections that closed in between take their bytes with them, so this is a lower bound.
        moved = (flow.bytes_sent + flow.bytes_received - past.bytes_sent - past.bytes_received) / seconds
        opened = _opened(look, flow, seconds)
        busy = []
        if moved >= look["bytes_per_second"]:
            busy.append(f"{size(moved)} a second")
        if opened >= look["connections_per_second"]:
            busy.append(f"{opened:,.0f} connections a second")
        if busy:
            server = flow.to_container or ""
            yield Hit(
                subject=f"{facts.parties(flow)} {flow.server}",
                evidence=[
                    (
                        f"{' and '.join(busy)} between {flow.from_container} and {flow.to_container} at "
                        f"{flow.server}."
                    ),
                    *_compared(look.snapshot, server, flow.server),
                ],
                remedy=f"Mount one emptyDir in {flow.from_container} and {server}, let {server} listen on a "
                f"unix socket in it, and put `unix:` and its path in place of {flow.server} in "
                f"{flow.from_container}'s configuration.",
                pointers=[f"/network/flows/{index}"],
                containers=[flow.from_container, flow.to_container],
            )


def _key(flow: Flow) -> tuple[str, str, str | None, str | None, str, str | None]:
    return (
        flow.protocol,
        flow.scope,
        flow.from_container,
        flow.to_container,
        flow.server,
        flow.remote_address,
    )


def _opened(look: Look, flow: Flow, seconds: float) -> float:
    """Connections a second, if nearly all that the namespace opens go to this server; 0 where that cannot be said."""
    if look.previous is None:
        return 0.0
    now, past = look.snapshot.network.counters.values, look.previous.network.counters.values
    accepted = now.get("Tcp.PassiveOpens", 0) - past.get("Tcp.PassiveOpens", now.get("Tcp.PassiveOpens", 0))
    inside = [each for each in look.snapshot.network.flows if facts.inside(each)]
    whole = sum(each.connections for each in inside)
    mine = sum(each.connections for each in inside if _port(each) == _port(flow))
    portion = share(mine, whole)
    return accepted / seconds if portion is not None and portion >= 0.9 else 0.0


def _port(flow: Flow) -> int | None:
    return endpoints.split(flow.server)[1]


def _compared(snapshot: Snapshot, container: str, server: str) -> list[str]:
    """What a connect costs over TCP, and over a unix socket of the same container, where both were measured."""
    measured = [
        each for each in snapshot.latency if each.to_container == container and each.p50_us is not None
    ]
    tcp: list[Latency] = [each for each in measured if each.kind == "tcp" and each.to == server]
    unix: list[Latency] = [each for each in measured if each.kind == "unix"]
    if not tcp:
        return []
    cost = f"A connect to {server} takes {micros(tcp[0].p50_us or 0.0)} (median)"
    if not unix:
        return [f"{cost}; {container} has no unix socket to compare with."]
    return [f"{cost}, one to {unix[0].to} {micros(unix[0].p50_us or 0.0)}."]
