"""A snapshot as comparable facts: what must be the same for two looks, or two replicas, to be called the same.

A fact is about a subject of an area (`listener`, `tcp 0.0.0.0:80`). Subjects are told apart by what stays: protocol,
address and port, a container's name, a System V key, a mount path; never by a PID, an inode or a time.

Facts are of two kinds. Those that somebody chose, or that findings go by, are kept apart from noise: counters, times,
process ids, fill levels, everything that differs between two looks at a Pod that nobody touched.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podprobe.model import Listener, SharedMemory, Snapshot, UnixSocket

    Item = tuple[str, Any]

POD_IP = "POD-IP"
"""Stands for the Pod's own address, which differs between replicas and after a restart."""

_IDENTITY_LABELS = {
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
}

_TOKEN_VOLUME = re.compile(r"\b(kube-api-access)-[a-z0-9]{5}\b")
"""The API server adds a volume of its own to each Pod, and gives it a name by chance."""


@dataclass(frozen=True)
class Subject:
    """One thing that a snapshot speaks of."""

    area: str
    name: str


@dataclass(frozen=True)
class Facts:
    """What is known of each subject, field by field."""

    firm: dict[Subject, dict[str, Any]] = field(default_factory=dict)
    noise: dict[Subject, dict[str, Any]] = field(default_factory=dict)
    fleeting: frozenset[Subject] = frozenset()
    """Subjects that come and go by themselves: their being there or not is noise too."""


@dataclass(frozen=True)
class _Area:
    name: str
    items: Callable[[Snapshot], Iterable[Item]]
    firm: frozenset[str]
    """Fields, dotted where nested, that count; a prefix stands for all below it. The others are noise."""
    fleeting: Callable[[Snapshot, Any], bool] = lambda _snapshot, _item: False
    hidden: frozenset[str] = frozenset()
    """Fields that are part of the name, or subjects of their own."""


def facts(snapshot: Snapshot) -> Facts:
    """All facts of a snapshot."""
    found = Facts()
    fleeting: set[Subject] = set()
    for area in _AREAS:
        seen: Counter[str] = Counter()
        for base, item in area.items(snapshot):
            seen[base] += 1
            # Two of one name (SO_REUSEPORT listeners) are told apart by their number alone.
            name = base if seen[base] == 1 else f"{base} #{seen[base]}"
            subject = Subject(area.name, _placeless(name, snapshot))
            firm, noise = _fields(item, area)
            found.firm[subject] = {key: _placed(value, snapshot) for key, value in firm.items()}
            found.noise[subject] = noise
            if area.fleeting(snapshot, item):
                fleeting.add(subject)
    return Facts(found.firm, found.noise, frozenset(fleeting))


def _fields(item: Any, area: _Area) -> tuple[dict[str, Any], dict[str, Any]]:
    firm: dict[str, Any] = {}
    noise: dict[str, Any] = {}
    for path, value in _flat(msgspec.to_builtins(item, str_keys=True), ""):
        if _within(path, area.hidden):
            continue
        (firm if _within(path, area.firm) else noise)[path] = value
    return firm, noise


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Dictionaries spread out to dotted paths; lists stay whole."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, list(value) if isinstance(value, tuple) else value


def _within(path: str, prefixes: frozenset[str]) -> bool:
    return any(path == prefix or path.startswith(prefix + ".") for prefix in prefixes)


def _placeless(text: str, snapshot: Snapshot) -> str:
    """`text` without what names just this Pod: its addresses, and the random part of a token volume's name."""
    text = _TOKEN_VOLUME.sub(r"\1", text)
    for address in sorted(snapshot.target.ips, key=len, reverse=True):
        text = text.replace(address, POD_IP)
    return text


def _placed(value: Any, snapshot: Snapshot) -> Any:
    return _placeless(value, snapshot) if isinstance(value, str) else value


# --- subjects ----------------------------------------------------------------------------------------------


def _pod(snapshot: Snapshot) -> Iterator[Item]:
    yield "Pod", snapshot.target
    for key, value in snapshot.target.labels.items():
        if key not in _IDENTITY_LABELS:
            yield f"label {key}", {"value": value}


def _containers(snapshot: Snapshot) -> Iterator[Item]:
    for container in snapshot.containers:
        # How a probe fares is no part of what was declared.
        declared = tuple(
            msgspec.structs.replace(probe, tried=None, failures=None) for probe in container.probes
        )
        yield container.name, msgspec.structs.replace(container, probes=declared)


def _trials(snapshot: Snapshot) -> Iterator[Item]:
    for container in snapshot.containers:
        for probe in container.probes:
            if probe.tried:
                yield f"{container.name} {probe.role}", probe.tried


def _starts(snapshot: Snapshot) -> Iterator[Item]:
    return ((found.container, found) for found in snapshot.starts)


def _listeners(snapshot: Snapshot) -> Iterator[Item]:
    for found in snapshot.network.listeners:
        yield f"{found.protocol} {_endpoint(found)}", found


def _endpoint(listener: Listener) -> str:
    address = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{address}:{listener.port}"


def passing_listener(snapshot: Snapshot, listener: Listener) -> bool:
    """A UDP client's socket is bound like a server's, but to a port that the kernel picked."""
    low, high = snapshot.network.ephemeral_ports or (32768, 60999)
    return listener.protocol == "udp" and low <= listener.port <= high


def _unix(snapshot: Snapshot) -> Iterator[Item]:
    return ((found.path or "unnamed", found) for found in snapshot.network.unix if found.state == "listen")


def _autobound(_snapshot: Snapshot, found: UnixSocket) -> bool:
    """`bind()` without a name makes the kernel pick one of five hexadecimal digits (unix(7), autobind)."""
    path = found.path or ""
    return not path or (
        len(path) == 6 and path[0] == "@" and all(digit in "0123456789abcdef" for digit in path[1:])
    )


def _segments(snapshot: Snapshot) -> Iterator[Item]:
    for found in snapshot.ipc.shared_memory:
        yield _segment_name(found), found


def _segment_name(segment: SharedMemory) -> str:
    if not _private(segment.key):
        return segment.key
    # IPC_PRIVATE: no key, and the id is another one after each start.
    return f"private, {segment.bytes} bytes of uid {segment.uid}"


def _mount_points(snapshot: Snapshot) -> Iterator[Item]:
    for volume in snapshot.volumes:
        for mount in volume.mounts:
            yield (
                f"{mount.container}:{mount.path}",
                {
                    "volume": volume.name,
                    "read_only": mount.read_only,
                    "sub_path": mount.sub_path,
                    "seen": mount.seen,
                },
            )


def _channels(snapshot: Snapshot) -> Iterator[Item]:
    for found in snapshot.channels:
        ends = f"{found.a or 'outside'} {'→' if found.directed else '–'} {found.b or 'outside'}"
        yield f"{found.kind} {found.via} {ends}", found


def _service_ports(snapshot: Snapshot) -> Iterator[Item]:
    for service in snapshot.services:
        for port in service.ports:
            yield f"{service.name}:{port.port}", port


def _reach(snapshot: Snapshot) -> Iterator[Item]:
    return ((f"{found.protocol} :{found.port}", found) for found in snapshot.reach)


def _resolvers(snapshot: Snapshot) -> Iterator[Item]:
    return ((container, dns) for dns in snapshot.dns for container in dns.containers)


def _lookups(snapshot: Snapshot) -> Iterator[Item]:
    return ((f"{found.name} {found.type}", found) for dns in snapshot.dns for found in dns.lookups)


def _hex_key(found: Any) -> str:
    return f"private of uid {found.uid}" if _private(found.key) else found.key


def _private(key: str) -> bool:
    return set(key) <= {"0", "x"}  # IPC_PRIVATE is 0


def _always(_snapshot: Snapshot, _item: Any) -> bool:
    return True


def _area(
    name: str,
    items: Callable[[Snapshot], Iterable[Item]],
    firm: str,
    *,
    hidden: str = "",
    fleeting: Callable[[Snapshot, Any], bool] = lambda _snapshot, _item: False,
) -> _Area:
    return _Area(name, items, frozenset(firm.split()), fleeting, frozenset(hidden.split()))


_AREAS = (
    _area(
        "pod",
        _pod,
        "value phase qos host_network host_ipc shared_pid service_account",
        hidden="labels pod namespace context kind uid owner",
    ),
    _area(
        "container",
        _containers,
        "kind state state_reason ready restarts image command user.uid user.gid ports probes resources "
        "last_exit.reason last_exit.exit_code last_exit.signal "
        "cgroup.memory_limit_bytes cgroup.cpu_limit cgroup.pids_limit",
        hidden="name processes.top",
        fleeting=lambda _snapshot, found: found.kind == "ephemeral",
    ),
    _area("start", _starts, "kind waited_for", hidden="container restarts"),
    _area("probe tried", _trials, "outcome status", hidden="to"),
    _area(
        "listener",
        _listeners,
        "container backlog_limit owner.process.name v6_only",
        hidden="protocol address port",
        fleeting=passing_listener,
    ),
    _area("unix socket", _unix, "container queue_limit", hidden="path state", fleeting=_autobound),
    _area(
        "interface",
        lambda s: ((found.name, found) for found in s.network.interfaces),
        "mtu up",
        hidden="name",
    ),
    _area(
        "setting", lambda s: ((key, {"value": value}) for key, value in s.network.settings.items()), "value"
    ),
    _area("shared memory", _segments, "bytes mode uid gid destroyed", hidden="key"),
    _area(
        "semaphores",
        lambda s: ((_hex_key(found), found) for found in s.ipc.semaphores),
        "semaphores mode uid gid",
        hidden="key",
    ),
    _area(
        "message queue",
        lambda s: ((_hex_key(found), found) for found in s.ipc.message_queues),
        "max_bytes mode uid gid",
        hidden="key",
    ),
    _area(
        "POSIX shared memory",
        lambda s: ((found.name, found) for found in s.ipc.posix_shared_memory),
        "bytes mode uid gid",
        hidden="name",
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
    _area("volume mount", _mount_points, "volume read_only sub_path seen"),
    _area(
        "mount",
        lambda s: ((f"{found.container}:{found.path}", found) for found in s.mounts),
        "filesystem_type read_only",
        hidden="container path",
    ),
    _area("channel", _channels, "health", hidden="kind a b via directed evidence"),
    _area(
        "service", lambda s: ((found.name, found) for found in s.services), "type ready", hidden="name ports"
    ),
    _area(
        "service port",
        _service_ports,
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
        _resolvers,
        "servers search options ndots timeout_seconds attempts hosts_order library",
        hidden="containers lookups outside_queries",
    ),
    _area("lookup", _lookups, "outcome queries", hidden="name type kind"),
    _area("reach", _reach, "allowed sources container", hidden="protocol port policies"),
    _area(
        "finding",
        lambda s: ((f"{found.code} {found.subject}", found) for found in s.findings),
        "severity title",
        hidden="code subject docs pointers remedy containers",
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
        fleeting=_always,
    ),
    _area(
        "latency",
        lambda s: ((f"{found.from_container} → {found.to} ({found.kind})", found) for found in s.latency),
        "",
        hidden="histogram from_container to_container to kind",
        fleeting=_always,
    ),
    _area(
        "counter",
        lambda s: ((key, {"value": value}) for key, value in s.network.counters.values.items()),
        "",
        fleeting=_always,
    ),
)
