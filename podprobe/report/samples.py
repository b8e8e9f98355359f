"""The samples of one snapshot: metric name, the labels' values besides namespace and pod, and a number."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from podprobe.analysis.dns import is_trouble
from podprobe.analysis.times import epoch
from podprobe.analysis.words import OUTSIDE, nobody
from podprobe.report.neutral import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.model import Flow, Snapshot

    Sample = tuple[str, tuple[str, ...], float]

MOST_SERIES = 100
"""Objects of one kind (flows, listeners, channels, …) that get series of their own. A Pod can open any number of ports;
a monitoring system should not have to remember them all."""
OTHER = "other"
_LABEL = 120

_COUNTERS = {
    "tcp_segments_total": "Tcp.OutSegs",
    "tcp_retransmitted_segments_total": "Tcp.RetransSegs",
    "tcp_resets_sent_total": "Tcp.OutRsts",
    "tcp_failed_connects_total": "Tcp.AttemptFails",
    "tcp_listen_overflows_total": "TcpExt.ListenOverflows",
    "tcp_listen_drops_total": "TcpExt.ListenDrops",
}


def samples(snapshot: Snapshot) -> Iterator[Sample]:
    """Everything that the snapshot knows a number for. What is absent there is absent here."""
    for part in (
        _look,
        _containers,
        _listeners,
        _network,
        _flows,
        _volumes,
        _ipc,
        _latency,
        _channels,
        _dns,
        _proxies,
    ):
        yield from part(snapshot)


def _known(labels: tuple[str, ...], **numbers: float | None) -> Iterator[Sample]:
    """The samples of one object, those that are absent left out."""
    shown = tuple(neutral(label, _LABEL) for label in labels)
    return ((name, shown, float(number)) for name, number in numbers.items() if number is not None)


def _look(snapshot: Snapshot) -> Iterator[Sample]:
    yield from _known(
        (),
        up=1,
        look_duration_seconds=snapshot.duration_ms / 1000,
        look_timestamp_seconds=epoch(snapshot.taken_at),
        unseen_areas=sum(part.level != "full" for part in snapshot.visibility),
    )
    severities = Counter(found.severity for found in snapshot.findings)
    for severity in ("critical", "warning", "info"):
        yield from _known((severity,), findings=severities[severity])
    codes = Counter((str(found.severity), found.code) for found in snapshot.findings)
    for labels, number in codes.most_common(MOST_SERIES):
        yield from _known(labels, findings_by_code=number)


def _containers(snapshot: Snapshot) -> Iterator[Sample]:
    for container in snapshot.containers:
        if container.kind == "ephemeral":
            continue  # they never go from a Pod; their series would only pile up
        labels = (container.name,)
        group, processes = container.cgroup, container.processes
        yield from _known(
            labels,
            container_ready=container.ready,
            container_running=container.state == "running",
            container_restarts_total=container.restarts,
            container_memory_limit_bytes=container.resources.memory_limit_bytes,
        )
        if processes:
            yield from _known(
                labels,
                container_processes=processes.count,
                container_zombies=processes.zombies,
                container_threads=processes.threads,
            )
        if group:
            yield from _known(
                labels,
                container_pids_limit=group.pids_limit,
                container_memory_working_set_bytes=group.memory_working_set_bytes,
                container_cpu_seconds_total=group.cpu_seconds,
                container_cpu_limit_cores=group.cpu_limit,
                container_cpu_periods_total=group.cpu_periods,
                container_cpu_throttled_periods_total=group.cpu_throttled_periods,
                container_oom_kills_total=group.oom_kills,
            )
        if group and group.pressure:
            for resource, kind in (
                ("cpu", "some"),
                ("memory", "some"),
                ("memory", "full"),
                ("io", "some"),
                ("io", "full"),
            ):
                value = getattr(group.pressure, f"{resource}_{kind}_ratio")
                yield from _known((*labels, resource, kind), container_pressure_ratio=value)


def _listeners(snapshot: Snapshot) -> Iterator[Sample]:
    tcp = [found for found in snapshot.network.listeners if found.protocol == "tcp"]
    for listener in sorted(tcp, key=lambda found: -(found.backlog or 0))[:MOST_SERIES]:
        yield from _known(
            (listener.protocol, listener.address, str(listener.port), listener.container or ""),
            listener_backlog=listener.backlog,
            listener_backlog_limit=listener.backlog_limit,
        )


def _network(snapshot: Snapshot) -> Iterator[Sample]:
    values = snapshot.network.counters.values
    yield from _known((), sockets=snapshot.network.connection_count)
    for name, kernel_name in _COUNTERS.items():
        yield from _known((), **{name: values.get(kernel_name)})
    for interface in snapshot.network.interfaces[:MOST_SERIES]:
        yield from _known(
            (interface.name,),
            interface_received_bytes_total=interface.received_bytes,
            interface_sent_bytes_total=interface.sent_bytes,
        )
        for direction, errors, drops in (
            ("receive", interface.receive_errors, interface.receive_drops),
            ("send", interface.send_errors, interface.send_drops),
        ):
            yield from _known(
                (interface.name, direction), interface_errors_total=errors, interface_drops_total=drops
            )


def _flows(snapshot: Snapshot) -> Iterator[Sample]:
    """Flows without their remote addresses; beyond the busiest `MOST_SERIES`, servers are taken together."""
    ordered = sorted(snapshot.network.flows, key=lambda flow: -flow.connections)
    grouped: defaultdict[tuple[str, ...], list[Flow]] = defaultdict(list)
    for flow in ordered:
        ends = (flow.from_container or nobody(flow.scope), flow.to_container or nobody(flow.scope))
        labels: tuple[str, ...] = (flow.protocol, flow.scope, *ends, flow.server)
        if labels not in grouped and len(grouped) >= MOST_SERIES:
            labels = (flow.protocol, flow.scope, *ends, OTHER)
        grouped[labels].append(flow)
    for labels, flows in grouped.items():
        busiest = flows[0]  # a median of medians would be of nothing
        yield from _known(
            labels,
            flow_connections=sum(flow.connections for flow in flows),
            flow_rtt_seconds=_seconds(busiest.rtt_us),
            flow_rtt_max_seconds=_seconds(_most(flow.max_rtt_us for flow in flows)),
            flow_segments=sum(flow.segments_out for flow in flows),
            flow_retransmitted_segments=sum(flow.retransmits for flow in flows),
            flow_spurious_retransmitted_segments=sum(flow.spurious_retransmits for flow in flows),
            flow_sent_bytes=sum(flow.bytes_sent for flow in flows),
            flow_received_bytes=sum(flow.bytes_received for flow in flows),
            flow_send_queue_bytes=sum(flow.send_queue_bytes for flow in flows),
            flow_receive_queue_bytes=sum(flow.receive_queue_bytes for flow in flows),
        )


def _volumes(snapshot: Snapshot) -> Iterator[Sample]:
    for volume in snapshot.volumes:
        labels = (volume.name,)
        yield from _known(labels, volume_size_limit_bytes=volume.size_limit_bytes)
        if volume.usage:
            yield from _known(
                labels, volume_used_bytes=volume.usage.bytes, volume_used_inodes=volume.usage.inodes
            )
        if volume.filesystem:
            yield from _known(
                labels,
                volume_filesystem_size_bytes=volume.filesystem.bytes,
                volume_filesystem_used_bytes=volume.filesystem.used_bytes,
                volume_filesystem_inodes=volume.filesystem.inodes,
                volume_filesystem_used_inodes=volume.filesystem.used_inodes,
            )


def _ipc(snapshot: Snapshot) -> Iterator[Sample]:
    ipc = snapshot.ipc
    for shm in ipc.dev_shm:
        yield from _known(
            (",".join(shm.containers),),
            dev_shm_size_bytes=shm.filesystem.bytes,
            dev_shm_used_bytes=shm.filesystem.used_bytes,
        )
    sizes = {
        "shared-memory": sum(found.bytes for found in ipc.shared_memory),
        "message-queue": sum(found.bytes for found in ipc.message_queues),
        "posix-shared-memory": sum(found.used_bytes for found in ipc.posix_shared_memory),
        "posix-message-queue": sum(found.queued_bytes or 0 for found in ipc.posix_message_queues),
    }
    counts = {
        "shared-memory": len(ipc.shared_memory),
        "semaphore": len(ipc.semaphores),
        "message-queue": len(ipc.message_queues),
        "posix-shared-memory": len(ipc.posix_shared_memory),
        "posix-message-queue": len(ipc.posix_message_queues),
    }
    messages = {
        "message-queue": sum(found.messages for found in ipc.message_queues),
        "posix-message-queue": sum(found.messages or 0 for found in ipc.posix_message_queues),
    }
    for kind, number in counts.items():
        yield from _known(
            (kind,), ipc_objects=number, ipc_bytes=sizes.get(kind), ipc_messages=messages.get(kind)
        )
    for limit in ipc.limits[:MOST_SERIES]:
        yield from _known((limit.name,), ipc_limit=limit.limit, ipc_limit_used=limit.used)


def _latency(snapshot: Snapshot) -> Iterator[Sample]:
    for found in snapshot.latency[:MOST_SERIES]:
        yield from _known(
            (found.kind, found.from_container or "", found.to_container or "", found.to),
            probe_latency_min_seconds=_seconds(found.min_us),
            probe_latency_p50_seconds=_seconds(found.p50_us),
            probe_latency_p90_seconds=_seconds(found.p90_us),
            probe_latency_p99_seconds=_seconds(found.p99_us),
            probe_latency_max_seconds=_seconds(found.max_us),
            probe_cpu_wait_seconds=_seconds(found.cpu_wait_us),
            probe_failed_ratio=found.failures / found.count if found.count else None,
        )


def _proxies(snapshot: Snapshot) -> Iterator[Sample]:
    upstreams = [
        (proxy.container, found)
        for proxy in snapshot.proxies
        if proxy.admin
        for found in proxy.admin.upstreams
    ]
    for container, found in upstreams[:MOST_SERIES]:  # those in trouble come first
        yield from _known(
            (container, found.name),
            upstream_hosts=found.hosts,
            upstream_healthy_hosts=found.healthy_hosts,
            upstream_connect_failures_total=found.connect_failures,
            upstream_requests_total=found.requests,
            upstream_pending_requests=found.pending_requests,
        )
    if (mesh := snapshot.mesh) is None:
        return
    for direction, through in (("inbound", mesh.through_inbound), ("outbound", mesh.through_outbound)):
        past = sum(found.connections for found in mesh.bypass if found.direction == direction)
        yield from _known((mesh.name, direction), mesh_connections=through, mesh_bypassing_connections=past)


def _channels(snapshot: Snapshot) -> Iterator[Sample]:
    worst_first = sorted(snapshot.channels, key=lambda found: _HEALTH.get(found.health, 2))
    for channel in worst_first[:MOST_SERIES]:
        yield from _known(
            (channel.kind, channel.a or OUTSIDE, channel.b or OUTSIDE, channel.via),
            channel_health=_HEALTH.get(channel.health),
        )
    for service in snapshot.services[:MOST_SERIES]:
        for port in service.ports[:MOST_SERIES]:
            served = None if port.listener == "unknown" else port.listener == "ok"
            yield from _known((service.name, str(port.port)), service_port_served=served)


def _dns(snapshot: Snapshot) -> Iterator[Sample]:
    for dns in snapshot.dns[:MOST_SERIES]:
        for lookup in dns.lookups[:MOST_SERIES]:
            yield from _known(
                (lookup.name, lookup.type, ",".join(dns.containers)),
                dns_lookup_duration_seconds=_seconds(lookup.time_us),
                dns_lookup_names=lookup.queries,
                dns_lookup_failed=is_trouble(lookup),
            )


_HEALTH = {"ok": 1.0, "degraded": 0.5, "broken": 0.0}


def _seconds(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
