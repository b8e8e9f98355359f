"""How a channel fares, by the bounds that the findings go by: critical is `broken`, warning is `degraded`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.latency import is_slow, waited_for_cpu
from podprobe.analysis.loss import loss_ratio, lost
from podprobe.analysis.words import percent, share, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podprobe.model import Flow, Health, Latency, MessageQueue, Snapshot, Volume

_ORDER: tuple[Health, ...] = ("broken", "degraded", "ok", "unknown")

_FINE = frozenset({"ok", "unknown"})


def worst(states: Iterable[Health]) -> Health:
    """The worst that is known."""
    return min(states, key=_ORDER.index, default="unknown")


def graded(ratio: float | None, warning: float, critical: float | None = None) -> Health:
    """A ratio against its bounds."""
    if ratio is None:
        return "unknown"
    if critical is not None and ratio >= critical:
        return "broken"
    return "degraded" if ratio >= warning else "ok"


def retransmit_ratio(flows: Iterable[Flow]) -> float | None:
    """Segments sent again over segments sent; `None` where none were sent."""
    again = sent = 0
    for flow in flows:
        again += flow.retransmits
        sent += flow.segments_out
    return share(again, sent)


def probes(snapshot: Snapshot, client: str | None, to: str) -> list[Latency]:
    """Active probes of this endpoint, from this container where there are such."""
    all_of_them = [each for each in snapshot.latency if each.to == to]
    return [each for each in all_of_them if each.from_container == client] or all_of_them


def of_flows(snapshot: Snapshot, flows: Sequence[Flow], limits: Mapping[str, float]) -> Health:
    """Of the connections between two parties to one port."""
    states: list[Health] = []
    inside = flows[0].scope != "external"
    ratio, number = loss_ratio(*flows), sum(map(lost, flows))
    if ratio is not None and inside:
        ratio = 0.0 if number < limits["TCP101.retransmits"] else ratio
        states.append(graded(ratio, limits["TCP101.warning_ratio"], limits["TCP101.critical_ratio"]))
    elif ratio is not None:
        ratio = 0.0 if number < limits["TCP102.retransmits"] else ratio
        states.append(graded(ratio, limits["TCP102.warning_ratio"]))
    if not inside:
        return worst(states)
    for each in probes(snapshot, flows[0].from_container, flows[0].server):
        if each.count > 0 and each.failures >= each.count:
            states.append("broken")
        elif each.failures > 0:
            states.append("degraded")
        elif each.p99_us is not None:
            bound = limits["TCP105.p99_us"]
            alone = limits["TCP105.alone_us"]
            slow = is_slow(each, bound, alone) and not waited_for_cpu(each, bound, alone)
            states.append("degraded" if slow else "ok")
    states += [
        graded(share(waiting, room), limits["NET107.warning_ratio"])
        for waiting, room in accept_queues(snapshot, flows[0].server)
    ]
    return worst(states)


def accept_queues(snapshot: Snapshot, server: str) -> Iterator[tuple[int, int]]:
    """Of each TCP listener that answers at an endpoint: connections that wait to be accepted, and how many may."""
    address, port = endpoints.split(server)
    for listener in snapshot.network.listeners:
        answers = listener.address == address or endpoints.is_any(listener.address)
        if answers and listener.port == port and listener.protocol == "tcp" and listener.backlog_limit:
            yield listener.backlog or 0, listener.backlog_limit


def of_unix(snapshot: Snapshot, path: str) -> Health:
    """Of a unix socket: its backlog, and what probes of it found."""
    states: list[Health] = []
    for each in snapshot.network.unix:
        if (
            each.path == path
            and each.state == ("listen")
            and each.queue is not None
            and each.queue_limit is not None
        ):
            full = each.queue > 0 and each.queue >= each.queue_limit
            states.append("degraded" if full else "ok")
    states += [
        "broken" if probe.failures >= probe.count else "degraded" if probe.failures else "ok"
        for probe in probes(snapshot, None, path)
        if probe.count > 0
    ]
    return worst(states)


def queue_fill(snapshot: Snapshot, queue: MessageQueue) -> float | None:
    """How full a System V message queue is."""
    return share(queue.bytes, queue_room(snapshot, queue))


def queue_room(snapshot: Snapshot, queue: MessageQueue) -> int | None:
    """The most bytes that the queue may hold: its own bound, else the namespace's."""
    if queue.max_bytes is not None:
        return queue.max_bytes
    return next((each.limit for each in snapshot.ipc.limits if each.name == "msgmnb"), None)


def of_dev_shm(snapshot: Snapshot, containers: Sequence[str], limits: Mapping[str, float]) -> Health:
    """Of the /dev/shm of these containers."""
    return worst(
        graded(
            share(each.filesystem.used_bytes, each.filesystem.bytes),
            limits["IPC102.warning_ratio"],
            limits["IPC102.critical_ratio"],
        )
        for each in snapshot.ipc.dev_shm
        if set(each.containers) & set(containers)
    )


def of_volume(volume: Volume, limits: Mapping[str, float]) -> tuple[Health, str]:
    """Of a volume: its worst fill level, and what it holds in words, the worst first."""
    parts: list[tuple[Health, str]] = []
    if volume.usage:
        parts.append(("ok", size(volume.usage.bytes)))
    filled = share(volume.usage.bytes, volume.size_limit_bytes) if volume.usage else None
    if filled is not None:
        state = graded(filled, limits["VOL103.warning_ratio"], limits["VOL103.critical_ratio"])
        parts.append((state, f"{percent(filled)} of its limit"))
    if volume.filesystem is not None:
        each = volume.filesystem
        # Of an emptyDir on disk this is the node's filesystem, which says nothing of the channel while there is room.
        own = volume.type != "emptyDir" or volume.medium is not None
        taken = share(each.used_bytes, each.used_bytes + each.available_bytes)
        state = graded(taken, limits["VOL101.warning_ratio"], limits["VOL101.critical_ratio"])
        parts.append(
            (state, f"{percent(taken)} of the disk" if taken is not None and state not in _FINE else "")
        )
        inodes = share(each.used_inodes, each.inodes)
        if inodes is not None:
            state = graded(inodes, limits["VOL102.warning_ratio"], limits["VOL102.critical_ratio"])
            parts.append((state, f"{percent(inodes)} of inodes" if own or state not in _FINE else ""))
    said = sorted(parts, key=lambda part: _ORDER.index(part[0]))
    return worst(state for state, _ in parts), ", ".join(text for _, text in said if text)
