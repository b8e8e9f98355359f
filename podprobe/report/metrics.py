"""Every Prometheus metric: its kind, labels and meaning. The reference page is generated from here.

Names follow Prometheus' conventions: base units (`_bytes`, `_seconds`, `_ratio`), `_total` for what only grows while
its source lives. Every metric carries `namespace` and `pod`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One metric family, without the prefix `podprobe_`."""

    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    help: str


POD_LABELS = _POD = ("namespace", "pod")
"""On every metric."""
_CONTAINER = (*_POD, "container")
_FLOW = (*_POD, "protocol", "scope", "from_container", "to_container", "server")
_VOLUME = (*_POD, "volume")
_CHANNEL = (*_POD, "kind", "a", "b", "via")
_PROBE = (*_POD, "kind", "from_container", "to_container", "endpoint")
_LISTENER = (*_POD, "protocol", "address", "port", "container")
_LOOKUP = (*_POD, "name", "type", "containers")
_UPSTREAM = (*_POD, "container", "upstream")
_INTERFACE = (*_POD, "interface")


def _gauge(labels: tuple[str, ...], text: str) -> Metric:
    return Metric("gauge", labels, text)


def _counter(labels: tuple[str, ...], text: str) -> Metric:
    return Metric("counter", labels, text)


METRICS: dict[str, Metric] = {
    "up": _gauge(_POD, "1 where the last look succeeded, 0 where the Pod could not be looked at."),
    "look_duration_seconds": _gauge(_POD, "How long the last look took."),
    "look_timestamp_seconds": _gauge(_POD, "When the last look was, since the epoch."),
    "unseen_areas": _gauge(_POD, "Areas that could not be seen wholly."),
    "findings": _gauge((*_POD, "severity"), "Findings by severity."),
    "findings_by_code": _gauge((*_POD, "severity", "code"), "Findings by code."),
    "container_ready": _gauge(_CONTAINER, "1 where the container is ready."),
    "container_running": _gauge(_CONTAINER, "1 where the container runs."),
    "container_restarts_total": _counter(_CONTAINER, "Restarts of the container."),
    "container_processes": _gauge(_CONTAINER, "Processes in the container."),
    "container_zombies": _gauge(_CONTAINER, "Zombies in the container."),
    "container_threads": _gauge(_CONTAINER, "Threads in the container."),
    "container_pids_limit": _gauge(_CONTAINER, "The most tasks the container's cgroup may have."),
    "container_memory_working_set_bytes": _gauge(_CONTAINER, "Memory less inactive file cache."),
    "container_memory_limit_bytes": _gauge(_CONTAINER, "Memory limit of the container."),
    "container_cpu_seconds_total": _counter(_CONTAINER, "CPU time used."),
    "container_cpu_limit_cores": _gauge(_CONTAINER, "CPU quota over period."),
    "container_cpu_periods_total": _counter(_CONTAINER, "CPU periods in which the container could run."),
    "container_cpu_throttled_periods_total": _counter(_CONTAINER, "CPU periods in which it was throttled."),
    "container_oom_kills_total": _counter(_CONTAINER, "Processes killed for want of memory."),
    "container_pressure_ratio": _gauge(
        (*_CONTAINER, "resource", "kind"), "Share of the last 10 s in which tasks stood still (PSI)."
    ),
    "listener_backlog": _gauge(_LISTENER, "Connections that wait to be accepted."),
    "listener_backlog_limit": _gauge(_LISTENER, "The most connections that may wait to be accepted."),
    "sockets": _gauge(_POD, "Sockets of connections."),
    "flow_connections": _gauge(_FLOW, "Connections alive."),
    "flow_rtt_seconds": _gauge(_FLOW, "Median smoothed round-trip time of the sockets alive."),
    "flow_rtt_max_seconds": _gauge(_FLOW, "Largest smoothed round-trip time of the sockets alive."),
    "flow_segments": _gauge(_FLOW, "Data segments sent by the sockets alive, retransmissions included."),
    "flow_retransmitted_segments": _gauge(_FLOW, "Segments sent again by the sockets alive."),
    "flow_spurious_retransmitted_segments": _gauge(
        _FLOW, "Of the segments sent again, those that the peer says it had already (DSACK)."
    ),
    "flow_sent_bytes": _gauge(_FLOW, "Bytes from client to server over the sockets alive."),
    "flow_received_bytes": _gauge(_FLOW, "Bytes from server to client over the sockets alive."),
    "flow_send_queue_bytes": _gauge(_FLOW, "Bytes not yet sent or not yet acknowledged."),
    "flow_receive_queue_bytes": _gauge(_FLOW, "Bytes received and not yet read."),
    "tcp_segments_total": _counter(_POD, "TCP segments sent in the Pod (Tcp.OutSegs)."),
    "tcp_retransmitted_segments_total": _counter(_POD, "TCP segments sent again (Tcp.RetransSegs)."),
    "tcp_resets_sent_total": _counter(_POD, "TCP resets sent (Tcp.OutRsts)."),
    "tcp_failed_connects_total": _counter(_POD, "TCP connects that failed (Tcp.AttemptFails)."),
    "tcp_listen_overflows_total": _counter(_POD, "Accept queues that overflowed (TcpExt.ListenOverflows)."),
    "tcp_listen_drops_total": _counter(_POD, "Connections dropped at listeners (TcpExt.ListenDrops)."),
    "interface_received_bytes_total": _counter(_INTERFACE, "Bytes received."),
    "interface_sent_bytes_total": _counter(_INTERFACE, "Bytes sent."),
    "interface_errors_total": _counter((*_INTERFACE, "direction"), "Errors."),
    "interface_drops_total": _counter((*_INTERFACE, "direction"), "Packets dropped."),
    "volume_used_bytes": _gauge(
        _VOLUME, "Bytes that the volume holds; a lower bound where the count was cut short."
    ),
    "volume_used_inodes": _gauge(_VOLUME, "Files and directories that the volume holds."),
    "volume_size_limit_bytes": _gauge(_VOLUME, "sizeLimit of the emptyDir."),
    "volume_filesystem_size_bytes": _gauge(_VOLUME, "Size of the filesystem under the volume."),
    "volume_filesystem_used_bytes": _gauge(_VOLUME, "Bytes used on the filesystem under the volume."),
    "volume_filesystem_inodes": _gauge(_VOLUME, "Inodes of the filesystem under the volume."),
    "volume_filesystem_used_inodes": _gauge(_VOLUME, "Inodes used on the filesystem under the volume."),
    "dev_shm_size_bytes": _gauge((*_POD, "containers"), "Size of /dev/shm."),
    "dev_shm_used_bytes": _gauge((*_POD, "containers"), "Bytes used in /dev/shm."),
    "ipc_objects": _gauge((*_POD, "kind"), "System V and POSIX IPC objects."),
    "ipc_bytes": _gauge((*_POD, "kind"), "Bytes in System V and POSIX IPC objects."),
    "ipc_messages": _gauge((*_POD, "kind"), "Messages that wait in queues."),
    "ipc_limit": _gauge((*_POD, "limit"), "A kernel limit of the IPC namespace."),
    "ipc_limit_used": _gauge((*_POD, "limit"), "How much of the limit is used."),
    "probe_latency_min_seconds": _gauge(_PROBE, "Fastest active probe of the look."),
    "probe_latency_p50_seconds": _gauge(_PROBE, "Median of the look's active probes."),
    "probe_latency_p90_seconds": _gauge(_PROBE, "90th percentile of the look's active probes."),
    "probe_latency_p99_seconds": _gauge(_PROBE, "99th percentile of the look's active probes."),
    "probe_latency_max_seconds": _gauge(_PROBE, "Slowest active probe of the look."),
    "probe_cpu_wait_seconds": _gauge(
        _PROBE, "How long the look's active probes waited for a CPU themselves, all together."
    ),
    "probe_failed_ratio": _gauge(_PROBE, "Share of the look's active probes that failed."),
    "channel_health": _gauge(_CHANNEL, "1 ok, 0.5 degraded, 0 broken; absent where unknown."),
    "dns_lookup_duration_seconds": _gauge(
        _LOOKUP, "How long the last lookup from inside the Pod took, its search list included."
    ),
    "dns_lookup_names": _gauge(_LOOKUP, "Names that the search list made of the one that was looked up."),
    "dns_lookup_failed": _gauge(
        _LOOKUP,
        "1 where the last lookup had no answer or one that is none; that a name does not exist is one.",
    ),
    "upstream_hosts": _gauge(_UPSTREAM, "Hosts of an upstream of a proxy (Envoy) in the Pod."),
    "upstream_healthy_hosts": _gauge(
        _UPSTREAM, "Hosts of the upstream that the proxy does not call unhealthy."
    ),
    "upstream_connect_failures_total": _counter(_UPSTREAM, "Connections to the upstream that failed."),
    "upstream_requests_total": _counter(_UPSTREAM, "Requests that the proxy sent to the upstream."),
    "upstream_pending_requests": _gauge(_UPSTREAM, "Requests that wait in the proxy for a connection."),
    "mesh_connections": _gauge(
        (*_POD, "mesh", "direction"), "Connections that pass through the mesh's proxy, inbound and outbound."
    ),
    "mesh_bypassing_connections": _gauge(
        (*_POD, "mesh", "direction"),
        "Connections with the outside that do not pass through the mesh's proxy.",
    ),
    "service_port_served": _gauge(
        (*_POD, "service", "port"), "1 where a Service's port ends at a listener, 0 where it does not."
    ),
}


_UNITS = {"_seconds": "s", "_bytes": "By", "_ratio": "1"}
"""Suffixes of Prometheus' names, and the units (UCUM) that OpenTelemetry tells apart from the name instead."""
_AREAS = (
    "look", "container", "listener", "flow", "tcp", "interface", "volume", "dev_shm", "ipc", "probe", "channel",
    "upstream", "mesh", "service",
)  # fmt: skip


def opentelemetry_name(name: str) -> tuple[str, str]:
    """Name and unit by OpenTelemetry's conventions: `flow_rtt_seconds` is `podprobe.flow.rtt` in `s`.

    What translates OpenTelemetry's names to Prometheus' makes `podprobe_flow_rtt_seconds` of it again.
    """
    short = name.removesuffix("_total")
    suffix = next((each for each in _UNITS if short.endswith(each)), "")
    short = short.removesuffix(suffix)
    area = next((each for each in _AREAS if short.startswith(f"{each}_")), "")
    path = f"{area}.{short.removeprefix(f'{area}_')}" if area else short
    return f"podprobe.{path}", _UNITS.get(suffix, "")


def page() -> str:
    """The reference page, as Markdown."""
    lines = [
        "# Metrics",
        "",
        "What `podprobe watch --listen` serves at `/metrics` and `podprobe snapshot -o prometheus` writes. Every",
        "metric carries `namespace` and `pod`. What a snapshot does not know has no sample. Of each kind of thing the",
        '100 busiest or worst have series of their own; flows beyond that add up under `server="other"`. Addresses',
        "outside the Pod are never a label of their own: a client is `outside`.",
        "",
        "`podprobe watch --otlp` sends the same numbers by OpenTelemetry's conventions: dots after `podprobe` and",
        "after the area, the unit apart from the name, counters as cumulative sums. `podprobe_flow_rtt_seconds` is",
        "`podprobe.flow.rtt` in `s`, `podprobe_container_cpu_seconds_total` is `podprobe.container.cpu` in `s`. The",
        "Pod is the resource (`k8s.namespace.name`, `k8s.pod.name`, `k8s.pod.uid`, `k8s.node.name`); `container` is",
        "`k8s.container.name`; the time of the look is that of each data point, and no metric.",
        "",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels if label not in _POD)
        lines.append(f"| `podprobe_{name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"
