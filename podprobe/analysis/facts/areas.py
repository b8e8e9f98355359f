"""Which fields of each kind of subject count, and which are noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podprobe.analysis.facts import subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podprobe.model import Snapshot

    Item = tuple[str, Any]


@dataclass(frozen=True)
class Area:
    """One kind of subject."""

    name: str
    items: Callable[[Snapshot], Iterable[Item]]
    firm: frozenset[str]
    """Fields, dotted where nested, that count; a prefix stands for all below it. The others are noise."""
    fleeting: Callable[[Snapshot, Any], bool] = lambda _snapshot, _item: False
    hidden: frozenset[str] = frozenset()
    """Fields that are part of the name, or subjects of their own."""


def _area(
    name: str,
    items: Callable[[Snapshot], Iterable[Item]],
    firm: str,
    *,
    hidden: str = "",
    fleeting: Callable[[Snapshot, Any], bool] = lambda _snapshot, _item: False,
) -> Area:
    return Area(name, items, frozenset(firm.split()), fleeting, frozenset(hidden.split()))


_OF_THE_NODE = frozenset({"RES105"})
"""Findings that tell how busy the node was during the look, and nothing of the Pod."""

AREAS = (
    _area(
        "finding",
        lambda s: ((f"{found.code} {found.subject}", found) for found in s.findings),
        "severity title",
        hidden="code subject docs pointers remedy containers",
        fleeting=lambda _snapshot, found: found.code in _OF_THE_NODE,
    ),
    _area(
        "pod",
        subjects.pod,
        "value phase qos host_network host_ipc shared_pid service_account",
        hidden="labels pod namespace context kind uid owner",
    ),
    _area(
        "container",
        subjects.containers,
        "kind state state_reason ready restarts image command user.uid user.gid resources "
        "last_exit.reason last_exit.exit_code last_exit.signal "
        "cgroup.memory_limit_bytes cgroup.cpu_limit cgroup.pids_limit",
        hidden="name processes.top ports probes",
        fleeting=lambda _snapshot, found: found.kind == "ephemeral",
    ),
    _area("declared port", subjects.ports, "name host_port", hidden="port protocol"),
    _area(
        "probe",
        subjects.probes,
        "host scheme period_seconds timeout_seconds failure_threshold grpc_service http_headers",
        # How it fares is no part of what was declared.
        hidden="role kind port port_name path tried failures",
    ),
    _area("start", subjects.starts, "kind waited_for", hidden="container restarts"),
    _area("probe tried", subjects.trials, "outcome status", hidden="to"),
    _area(
        "listener",
        subjects.listeners,
        "container backlog_limit owner.process.name v6_only",
        hidden="protocol address port",
        fleeting=subjects.passing_listener,
    ),
    _area(
        "unix socket",
        subjects.unix,
        "container queue_limit",
        hidden="path state",
        fleeting=subjects.autobound,
    ),
    _area(
        "interface",
        lambda s: ((found.name, found) for found in s.network.interfaces),
        "mtu up",
        hidden="name",
    ),
    _area(
        "setting", lambda s: ((key, {"value": value}) for key, value in s.network.settings.items()), "value"
    ),
    _area("shared memory", subjects.segments, "bytes mode uid gid destroyed", hidden="key"),
    _area(
        "semaphores",
        lambda s: ((subjects.hex_key(found), found) for found in s.ipc.semaphores),
        "semaphores mode uid gid",
        hidden="key",
    ),
    _area(
        "message queue",
        lambda s: ((subjects.hex_key(found), found) for found in s.ipc.message_queues),
        "max_bytes mode uid gid",
        hidden="key",
    ),
    _area(
        "POSIX shared memory",
        subjects.posix_memory,
        "bytes mode uid gid",
        hidden="name inode",
        # Their names are made up anew by each process.
        fleeting=lambda _snapshot, found: found.unlinked,
    ),
    _area(
        "POSIX message queue",
        lambda s: ((found.name, found) for found in s.ipc.posix_message_queues),
        "max_messages message_bytes mode uid gid",
        hidden="name",
    ),
    _area("IPC limit", lambda s: ((found.name, found) for found in s.ipc.limits), "limit", hidden="name"),
    _area(
        "/dev/shm",  # noqa: S108  # a subject
        lambda s: ((", ".join(sorted(found.containers)), found) for found in s.ipc.dev_shm),
        "filesystem.bytes volume",
        hidden="containers",
    ),
    _area(
        "volume",
        lambda s: ((found.name, found) for found in s.volumes),
        "type medium size_limit_bytes source filesystem_type",
        hidden="name mounts",
    ),
    _area("volume mount", subjects.mount_points, "volume read_only sub_path seen"),
    _area(
        "mount",
        lambda s: ((f"{found.container}:{found.path}", found) for found in s.mounts),
        "filesystem_type read_only",
        hidden="container path",
    ),
    _area("channel", subjects.channels, "health", hidden="kind a b via directed evidence"),
    _area(
        "service", lambda s: ((found.name, found) for found in s.services), "type ready", hidden="name ports"
    ),
    _area(
        "service port",
        subjects.service_ports,
        "listener target_port target_port_name container protocol",
        hidden="port",
    ),
    _area(
        "network policy",
        lambda s: ((found.name, found) for found in s.network_policies),
        "types ingress egress",
        hidden="name",
    ),
    _area(
        "name resolution",
        subjects.resolvers,
        "servers search options ndots timeout_seconds attempts hosts_order library",
        hidden="containers lookups outside_queries",
    ),
    _area("lookup", subjects.lookups, "outcome queries", hidden="name type kind"),
    _area("reach", subjects.reach, "allowed sources container", hidden="protocol port policies"),
    _area(
        "mesh",
        lambda s: ((s.mesh.name, s.mesh),) if s.mesh else (),
        "container interception",
        hidden="name evidence bypass",
    ),
    _area(
        "proxy",
        lambda s: ((found.container, found) for found in s.proxies),
        "program mesh admin.version admin.state admin.error",
        hidden="container admin.upstreams",
    ),
    _area(
        "upstream",
        lambda s: (
            (f"{proxy.container} {found.name}", found)
            for proxy in s.proxies
            if proxy.admin
            for found in proxy.admin.upstreams
        ),
        "hosts healthy_hosts",
        hidden="name",
    ),
    _area(
        "visibility",
        lambda s: ((f"{found.area} of {found.container or 'the Pod'}", found) for found in s.visibility),
        "level",
        hidden="area container allow",
    ),
    _area(
        "flow",
        lambda s: (
            (f"{found.from_container or 'outside'} → {found.to_container or 'outside'} {found.server}", found)
            for found in s.network.flows
        ),
        "",
        hidden="protocol scope server from_container to_container remote_address",
        fleeting=subjects.always,
    ),
    _area(
        "latency",
        lambda s: ((f"{found.from_container} → {found.to} ({found.kind})", found) for found in s.latency),
        "",
        hidden="histogram from_container to_container to kind",
        fleeting=subjects.always,
    ),
    _area(
        "counter",
        lambda s: ((key, {"value": value}) for key, value in s.network.counters.values.items()),
        "",
        fleeting=subjects.always,
    ),
)
