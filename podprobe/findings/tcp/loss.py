"""Segments that are lost, and connections that stand still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds
from podprobe.analysis.loss import loss_ratio, lost, needlessly
from podprobe.analysis.retransmits import flow_rates
from podprobe.analysis.words import micros, percent, share, size
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Connection, Flow, Snapshot

_MEASURED = (
    "`tcpi_total_retrans` less `tcpi_dsack_dups` over `tcpi_data_segs_out` (tcp_info) of both sockets of every "
    "connection that is open, summed over the connections' lives. What the peer says it got twice (DSACK) was not "
    "lost: the kernel sent it again to find out, or lost its patience with a slow peer."
)


@rule(
    "TCP101",
    "critical",
    "warning",
    title="Segments are lost on loopback",
    when="Connections within the Pod to one port retransmit {critical_ratio:percent} of their segments or "
    "more (critical), or {warning_ratio:percent} (warning); at least {retransmits:n} segments. Not counted are those "
    "that the peer had already.",
    measured=_MEASURED,
    why="Loopback has no wire to lose anything on: what is lost there was dropped on purpose or for want "
    "of room, by a packet filter (iptables, nftables, a mesh, a NetworkPolicy's agent), by a full "
    "socket buffer, or by netem. A lost segment that others follow is made up for within a round trip (SACK); "
    "the last or only one in flight, a request or its answer, costs 200 ms or more, and shows as a slow 99th "
    "percentile.",
    remedy="Look for rules that drop on `lo` in the Pod's network namespace (`iptables -vnL`, `nft list "
    "ruleset`, `tc -s qdisc`), for memory pressure of the sockets (`TcpExt.TCPRcvQDrop`, "
    "`TcpExt.PruneCalled`), and then at the receiver.",
    thresholds={
        "critical_ratio": bounds.threshold("TCP101.critical_ratio", Threshold),
        "warning_ratio": bounds.threshold("TCP101.warning_ratio", Threshold),
        "retransmits": bounds.threshold("TCP101.retransmits", Threshold),
    },
    of_channels=True,
)
def loopback_loss(look: Look) -> Iterator[Hit]:
    """Retransmissions where nothing should be lost."""
    for index, flow in _lossy(look.snapshot, look["warning_ratio"], look["retransmits"]):
        if not facts.inside(flow):
            continue
        ratio = loss_ratio(flow) or 0.0
        server = flow.to_container or "the server"
        yield Hit(
            subject=f"{facts.parties(flow)} {flow.server}",
            severity="critical" if ratio >= look["critical_ratio"] else "warning",
            evidence=[
                (
                    f"{_share(flow)} were sent again{needlessly(flow)} between "
                    f"{flow.from_container or 'the client'} and {server} at {flow.server}."
                ),
                *_lately(look, flow),
                *_rtt(flow),
            ],
            remedy="In the Pod's network namespace, look for a rule that drops packets on `lo` to port "
            f"{flow.server.rpartition(':')[2]} (`iptables -vnL INPUT`, `nft list ruleset`, `tc -s "
            f"qdisc show dev lo`), then at {server}'s receive queue.",
            pointers=[f"/network/flows/{index}"],
            containers=[flow.from_container, flow.to_container],
        )


@rule(
    "TCP102",
    "warning",
    title="Segments are lost on the way outside",
    when="Connections with one party outside the Pod retransmit {warning_ratio:percent} of their segments "
    "or more; at least {retransmits:n} segments. Not counted are those that the peer had already.",
    measured=_MEASURED,
    why="A network in order loses well under one in a hundred. The 99th percentile of whatever goes this "
    "way suffers.",
    remedy="Compare with another Pod on the same node: if it is the same, look at the node's interface and "
    "the network plugin (MTU, conntrack table, drops); if not, at the peer.",
    thresholds={
        "warning_ratio": bounds.threshold("TCP102.warning_ratio", Threshold),
        "retransmits": bounds.threshold("TCP102.retransmits", Threshold),
    },
    of_channels=True,
)
def outside_loss(look: Look) -> Iterator[Hit]:
    """Retransmissions towards outside."""
    for index, flow in _lossy(look.snapshot, look["warning_ratio"], look["retransmits"]):
        if facts.inside(flow):
            continue
        container = flow.from_container or flow.to_container
        peer = flow.remote_address or flow.server
        yield Hit(
            subject=f"{container or 'Pod'} {flow.server} {flow.remote_address or ''}".rstrip(),
            evidence=[
                (
                    f"{_share(flow)} that {facts.whose(container)} sent to {peer} were sent again{needlessly(flow)}."
                ),
                *_lately(look, flow),
                *_rtt(flow),
            ],
            remedy=f"Look from another Pod of the same node at {peer}: if it loses too, look at the node's "
            f"interface, MTU and conntrack table; if it does not, at {peer}.",
            pointers=[f"/network/flows/{index}"],
            containers=[container],
        )


def _lossy(snapshot: Snapshot, ratio: float, least: float) -> Iterator[tuple[int, Flow]]:
    for index, flow in enumerate(snapshot.network.flows):
        lossy = loss_ratio(flow)
        if (
            lossy is not None
            and lossy >= ratio
            and lost(flow) >= least
            and facts.ours(snapshot, flow.from_container, flow.to_container)
        ):
            yield index, flow


def _lately(look: Look, flow: Flow) -> list[str]:
    """Whether it goes on: a connection's counters are of its whole life, and the loss may be long over."""
    if not look.history:
        return []
    parties = (flow.scope, flow.from_container, flow.to_container, flow.server)
    for rate in flow_rates(*look.history, look.snapshot):
        if (rate.scope, rate.from_container, rate.to_container, rate.server) == parties and rate.segments:
            since = f"{rate.segments:,} segments of the last {rate.seconds:.0f} s"
            return [f"Of the {since}, {lost(rate):,} were: it goes on." if lost(rate) else
                    f"Of the {since}, none was: it is over, or pauses."]  # fmt: skip
    return []


def _share(flow: Flow) -> str:
    ratio = share(flow.retransmits, flow.segments_out) or 0.0
    return f"{flow.retransmits:,} of {flow.segments_out:,} segments ({percent(ratio)})"


def _rtt(flow: Flow) -> list[str]:
    return [] if flow.rtt_us is None else [f"Their round-trip time is {micros(flow.rtt_us)} (median)."]


@rule(
    "TCP103",
    "warning",
    title="A connection stands still",
    when="A socket has unsent or unacknowledged data, and its retransmission or window-probe timer has "
    "doubled {backoff:n} times or more, or its peer's window has been closed for {window_ms:n} ms.",
    measured="`idiag_wqueue`, `tcpi_backoff`, `tcpi_snd_wnd`, `tcpi_last_data_sent` (tcp_info); its age by the "
    "socket's own clock, not by the looks.",
    why="With a closed window the peer's program does not read what it gets; with a timer that backs off "
    "nothing comes back at all. Whoever waits for this connection waits too.",
    remedy="Closed window: look at why the peer does not read (a blocked thread, a full queue behind it). "
    "Timer: look at the way to the peer, or whether it is still there.",
    thresholds={
        "backoff": Threshold(2, "times that the timer has doubled"),
        "window_ms": Threshold(1000, "milliseconds since the last segment was sent, into a closed window"),
    },
    of_channels=True,
)
def standstill(look: Look) -> Iterator[Hit]:
    """Data that does not move."""
    stuck: dict[tuple[str | None, str], list[tuple[int, Connection]]] = {}
    for index, each in enumerate(look.snapshot.network.connections):
        if each.protocol != "tcp" or not each.send_queue_bytes or each.state == "syn-sent":
            continue
        if not facts.ours(look.snapshot, each.container):
            continue
        closed = each.send_window_bytes == 0 and (each.last_send_ms or 0) >= look["window_ms"]
        if closed or (each.backoff or 0) >= look["backoff"]:
            peer = each.local if each.role == "server" else each.remote
            stuck.setdefault((each.container, peer), []).append((index, each))
    for (container, server), places in stuck.items():
        yield _stuck(container, server, places)


def _stuck(container: str | None, server: str, places: list[tuple[int, Connection]]) -> Hit:
    worst = max((each for _, each in places), key=lambda each: each.send_queue_bytes or 0)
    peer = worst.from_container if worst.container == worst.to_container else worst.to_container
    reader = peer or f"the peer {worst.remote}"
    closed = worst.send_window_bytes == 0
    reason = (
        f"{reader} has closed its receive window: it does not read."
        if closed
        else f"its timer has doubled {worst.backoff or 0} times: nothing comes back from {reader}."
    )
    more = f" {len(places) - 1} more like it." if len(places) > 1 else ""
    remedy = (
        f"Find out why {reader} does not read from {server}: a blocked thread, a full disk or queue "
        "behind it."
        if closed
        else f"Look whether {reader} is still there, and for a rule that drops what it sends."
    )
    return Hit(
        subject=f"{container or 'Pod'} {server}",
        evidence=[
            (
                f"{facts.whose(container)} holds {size(worst.send_queue_bytes or 0)} for {worst.remote} "
                f"that do not go out; {reason}{more}"
            )
        ],
        remedy=remedy,
        pointers=[f"/network/connections/{index}" for index, _ in places[:20]],
        containers=[container, peer],
    )
