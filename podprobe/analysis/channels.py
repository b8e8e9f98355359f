"""The communication map: every way in which two containers of the Pod touch."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

from podprobe.analysis import bounds, health
from podprobe.analysis.words import count, listed, micros, percent, size
from podprobe.model import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from podprobe.model import Flow, Health, Snapshot, UnixSocket, Volume, VolumeMount

_KINDS = (
    "tcp",
    "udp",
    "unix",
    "shared-memory",
    "semaphore",
    "message-queue",
    "posix-shared-memory",
    "posix-message-queue",
    "volume",
    "pid-namespace",
)
_MADE_BY_KUBELET = frozenset({"configMap", "secret", "projected", "downwardAPI"})
"""Volumes that containers only read, whatever their mounts say."""


def channels(snapshot: Snapshot, thresholds: Mapping[str, float] | None = None) -> tuple[Channel, ...]:
    """Every channel between two containers, and between a container and the outside.

    Args:
        snapshot: of it, everything but its own channels and findings is used.
        thresholds: those of the configuration, by `CODE.name`; a channel's health goes by the bounds of the findings:
            critical is `broken`, warning `degraded`.
    """
    limits = {name: bounds.bound(name, thresholds or {}) for name in bounds.DEFAULTS}
    found = [
        *_ip(snapshot, limits),
        *_unix(snapshot),
        *_sysv(snapshot, limits),
        *_posix(snapshot, limits),
        *_volumes(snapshot, limits),
        *_pids(snapshot),
    ]
    return tuple(
        sorted(found, key=lambda each: (_KINDS.index(each.kind), each.a or "", each.b or "", each.via))
    )


def _ip(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Channel]:
    grouped: dict[tuple[str, str | None, str | None, str], list[tuple[int, Flow]]] = {}
    for index, flow in enumerate(snapshot.network.flows):
        inside = flow.scope != "external"
        ends = {flow.from_container, flow.to_container}
        # Inside the Pod an unknown end is unknown, and not outside.
        if len(ends) < 2 or (inside and None in ends):
            continue
        grouped.setdefault((flow.protocol, flow.from_container, flow.to_container, flow.server), []).append(
            (index, flow)
        )
    for (protocol, client, server, via), places in grouped.items():
        flows = [flow for _, flow in places]
        yield Channel(
            kind="udp" if protocol == "udp" else "tcp",
            a=client,
            b=server,
            directed=True,
            via=via,
            health=health.of_flows(snapshot, flows, limits),
            detail=_traffic(snapshot, flows),
            evidence=tuple(f"/network/flows/{index}" for index, _ in places[:100]),
        )


def _traffic(snapshot: Snapshot, flows: list[Flow]) -> str:
    parts = [count(sum(flow.connections for flow in flows), "connection")]
    times = [flow.rtt_us for flow in flows if flow.rtt_us is not None]
    if times:
        parts.append(f"rtt {micros(max(times))}")
    measured = health.probes(snapshot, flows[0].from_container, flows[0].server)
    slowest = max((each.p99_us for each in measured if each.p99_us is not None), default=None)
    if slowest is not None:
        parts.append(f"p99 {micros(slowest)}")
    if ratio := health.retransmit_ratio(flows):
        parts.append(f"retransmits {percent(ratio)}")
    if flows[0].scope != "external":
        queues = health.accept_queues(snapshot, flows[0].server)
        parts += [f"{waiting:,} of {room:,} wait to be accepted" for waiting, room in queues if waiting]
    return ", ".join(parts)


def _unix(snapshot: Snapshot) -> Iterator[Channel]:
    sockets = {each.inode: each for each in snapshot.network.unix}
    servers: dict[str, set[str | None]] = {}
    for each in snapshot.network.unix:
        if each.state == "listen" and each.path:
            servers.setdefault(each.path, set()).add(each.container)
    grouped: dict[tuple[str, str, str, bool], dict[int, UnixSocket]] = {}
    for index, each in enumerate(snapshot.network.unix):
        other = each.peer_container
        if each.container is None or other is None or other == each.container:
            continue
        peer = sockets.get(each.peer_inode or -1)
        path = each.path or (peer.path if peer is not None else None)
        if path is None:
            # A pair made by socketpair() has no path, and neither end is the server.
            first, second = sorted((each.container, other))
            key = (first, second, "socketpair", False)
        else:
            # Who of both listens at the path serves (in files of its own, a third may listen at the same one); where
            # that is over, the end that carries the path was accepted there.
            listening = [name for name in (each.container, other) if name in servers.get(path, ())]
            server = listening[0] if len(listening) == 1 else each.container if each.path else other
            client = other if server == each.container else each.container
            key = (client, server, path, True)
        grouped.setdefault(key, {})[index] = each
    for (client, server, via, directed), ends in grouped.items():
        pairs = {frozenset((each.inode, each.peer_inode)) for each in ends.values()}
        unread = sum(each.queue or 0 for each in ends.values() if each.state == "established")
        detail = count(len(pairs), "connection")
        yield Channel(
            kind="unix",
            a=client,
            b=server,
            directed=directed,
            via=via,
            health=health.of_unix(snapshot, via),
            detail=f"{detail}, {size(unread)} unread" if unread else detail,
            evidence=tuple(f"/network/unix/{index}" for index in list(ends)[:100]),
        )


def _sysv(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Channel]:
    for index, segment in enumerate(snapshot.ipc.shared_memory):
        users = [each.container for each in segment.attached]
        if segment.creator_alive:
            users.append(segment.creator_container or "")
        detail = f"{size(segment.bytes)}, {count(segment.attachments, 'attachment')}"
        yield from _together("shared-memory", users, segment.key, "ok", detail, f"/ipc/shared_memory/{index}")
    for index, each in enumerate(snapshot.ipc.semaphores):
        users = [*each.containers, *(waiter.container for waiter in each.waiters)]
        detail = count(each.semaphores, "semaphore")
        if waiting := sum(each.waiting or ()):
            detail += f", {count(waiting, 'process waits', 'processes wait')}"
        yield from _together("semaphore", users, each.key, "ok", detail, f"/ipc/semaphores/{index}")
    for index, queue in enumerate(snapshot.ipc.message_queues):
        sender, receiver = queue.last_send_container, queue.last_receive_container
        if sender and receiver and sender != receiver:
            filled = health.queue_fill(snapshot, queue)
            full = f", {percent(filled)} full" if filled is not None else ""
            yield Channel(
                kind="message-queue",
                a=sender,
                b=receiver,
                directed=True,
                via=queue.key,
                health=health.graded(filled, limits["IPC103.warning_ratio"]),
                detail=f"{count(queue.messages, 'message')}{full}",
                evidence=(f"/ipc/message_queues/{index}",),
            )


def _posix(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Channel]:
    names = Counter(file.name for file in snapshot.ipc.posix_shared_memory)
    for index, file in enumerate(snapshot.ipc.posix_shared_memory):
        users = [each.container for each in file.mapped]
        pointer = f"/ipc/posix_shared_memory/{index}"
        if file.semaphore:
            name = "/" + file.name.removeprefix("sem.")
            yield from _together("semaphore", users, name, "ok", "POSIX semaphore", pointer)
        else:
            state = health.of_dev_shm(snapshot, file.containers, limits)
            detail = f"{size(file.used_bytes)} of {size(file.bytes)}{', unlinked' if file.unlinked else ''}"
            # The same name may be given to a new one once the one before is unlinked.
            again = f" (inode {file.inode})" if file.unlinked and names[file.name] > 1 else ""
            yield from _together("posix-shared-memory", users, f"/{file.name}{again}", state, detail, pointer)
    for index, queue in enumerate(snapshot.ipc.posix_message_queues):
        users = [each.container for each in queue.open_by]
        known = queue.messages is not None and queue.max_messages
        full = bool(known) and (queue.messages or 0) >= (queue.max_messages or 0)
        yield from _together(
            "posix-message-queue",
            users,
            queue.name,
            "degraded" if full else "ok" if known else "unknown",
            f"{queue.messages:,} of {count(queue.max_messages or 0, 'message')}" if known else "",
            f"/ipc/posix_message_queues/{index}",
        )


def _together(
    kind: str, users: Iterable[str], via: str, state: Health, detail: str, pointer: str
) -> Iterator[Channel]:
    """A channel between any two of those who use one thing."""
    for a, b in combinations(sorted(set(filter(None, users))), 2):
        yield Channel(kind=kind, a=a, b=b, via=via, health=state, detail=detail, evidence=(pointer,))  # type: ignore[arg-type]  # a literal


def _volumes(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Channel]:
    for index, volume in enumerate(snapshot.volumes):
        if volume.type in _MADE_BY_KUBELET:
            continue
        state, detail = health.of_volume(volume, limits)
        for (a, b), directed in _sharers(volume).items():
            yield Channel(
                kind="volume",
                a=a,
                b=b,
                directed=directed,
                via=volume.name,
                health=state,
                detail=detail,
                evidence=(f"/volumes/{index}",),
            )


def _sharers(volume: Volume) -> dict[tuple[str, str], bool]:
    """Pairs of containers that see the same files of which one may write, and whether only the first may."""
    pairs: dict[tuple[str, str], bool] = {}
    for one, two in combinations(volume.mounts, 2):
        if one.container == two.container or not _overlap(one, two) or (one.read_only and two.read_only):
            continue
        if one.read_only != two.read_only:
            writer, reader = (two, one) if one.read_only else (one, two)
            pair, directed = (writer.container, reader.container), True
        else:
            first, second = sorted((one.container, two.container))
            pair, directed = (first, second), False
        # A container may mount a volume several times: what both can write outweighs what one can.
        if (pair[1], pair[0]) in pairs:
            pairs[pair[1], pair[0]] = False
        else:
            pairs[pair] = directed and pairs.get(pair, True)
    return pairs


def _overlap(one: VolumeMount, two: VolumeMount) -> bool:
    """One of the two mounts holds the other: they show the same files."""
    a, b = (f"{(each.sub_path or '').strip('/')}/".lstrip("/") for each in (one, two))
    return a.startswith(b) or b.startswith(a)


def _pids(snapshot: Snapshot) -> Iterator[Channel]:
    if not snapshot.target.shared_pid:
        return
    names = [
        each.name
        for each in snapshot.containers
        if each.kind in {"app", "sidecar"} and each.state == "running"
    ]
    detail = f"{listed(sorted(set(names)))} see each other's processes"
    yield from _together("pid-namespace", names, "shareProcessNamespace", "ok", detail, "/target/shared_pid")
