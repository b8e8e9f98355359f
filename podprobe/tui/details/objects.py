"""From an identity to the object in a snapshot, and from a JSON pointer to an identity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from podprobe.analysis.held import holdings
from podprobe.tui import keys

if TYPE_CHECKING:
    from podprobe.model import Snapshot


class Found(NamedTuple):
    """An object of the snapshot."""

    key: keys.Key
    pointer: str
    """Its JSON pointer (RFC 6901), as findings point at it."""
    item: Any
    parent: Any = None
    """What it is part of: a process's container, a lock's volume or mount, a port's Service."""


Walk: TypeAlias = Callable[["Snapshot"], Iterator[Found]]


def _flat(pointer: str, get: Callable[[Snapshot], Iterable[Any]], key: Callable[[Any], keys.Key]) -> Walk:
    def walk(snapshot: Snapshot) -> Iterator[Found]:
        for index, item in enumerate(get(snapshot)):
            yield Found(key(item), f"{pointer}/{index}", item)

    return walk


def _processes(snapshot: Snapshot) -> Iterator[Found]:
    for index, container in enumerate(snapshot.containers):
        for number, process in enumerate(container.processes.top if container.processes else ()):
            pointer = f"/containers/{index}/processes/top/{number}"
            yield Found(keys.of_process(container.name, process), pointer, process, container)


def _probes(snapshot: Snapshot) -> Iterator[Found]:
    for index, container in enumerate(snapshot.containers):
        for number, probe in enumerate(container.probes):
            pointer = f"/containers/{index}/probes/{number}"
            yield Found(keys.of_probe(container.name, probe), pointer, probe, container)


def _service_ports(snapshot: Snapshot) -> Iterator[Found]:
    for index, service in enumerate(snapshot.services):
        for number, port in enumerate(service.ports):
            yield Found(keys.of_service(service, port), f"/services/{index}/ports/{number}", port, service)
        if not service.ports:
            yield Found(keys.of_service(service, None), f"/services/{index}", service)


def _lookups(snapshot: Snapshot) -> Iterator[Found]:
    for index, dns in enumerate(snapshot.dns):
        for number, lookup in enumerate(dns.lookups):
            yield Found(keys.of_lookup(dns, lookup), f"/dns/{index}/lookups/{number}", lookup, dns)


def _deleted_files(snapshot: Snapshot) -> Iterator[Found]:
    for place in holdings(snapshot):
        for number, file in enumerate(place.at.deleted_files):
            pointer = f"{place.pointer}/deleted_files/{number}"
            yield Found(keys.of_deleted_file(place.name, file), pointer, file, place.at)


def _locks(snapshot: Snapshot) -> Iterator[Found]:
    for place in holdings(snapshot):
        for number, lock in enumerate(place.at.locks):
            yield Found(keys.of_lock(place.name, lock), f"{place.pointer}/locks/{number}", lock, place.at)


def _legs(snapshot: Snapshot) -> Iterator[Found]:
    for index, path in enumerate(snapshot.paths):
        for number, leg in enumerate(path.legs):
            yield Found(keys.of_leg(path, number), f"/paths/{index}/legs/{number}", leg, path)


def _upstreams(snapshot: Snapshot) -> Iterator[Found]:
    for index, proxy in enumerate(snapshot.proxies):
        for number, upstream in enumerate(proxy.admin.upstreams if proxy.admin else ()):
            pointer = f"/proxies/{index}/admin/upstreams/{number}"
            yield Found(keys.of_upstream(proxy.container, upstream), pointer, upstream, proxy)


def _bypasses(snapshot: Snapshot) -> Iterator[Found]:
    for index, bypass in enumerate(snapshot.mesh.bypass if snapshot.mesh else ()):
        yield Found(keys.of_bypass(bypass), f"/mesh/bypass/{index}", bypass, snapshot.mesh)


def _counters(snapshot: Snapshot) -> Iterator[Found]:
    for name, value in snapshot.network.counters.values.items():
        yield Found(keys.of_counter(name), f"/network/counters/values/{name}", value)


_WALKS: dict[str, tuple[str, Walk]] = {
    "finding": ("finding", _flat("/findings", lambda s: s.findings, keys.of_finding)),
    "process": ("process", _processes),
    "probe": ("probe", _probes),
    "container": ("container", _flat("/containers", lambda s: s.containers, keys.of_container)),
    "channel": ("channel", _flat("/channels", lambda s: s.channels, keys.of_channel)),
    "listener": ("listener", _flat("/network/listeners", lambda s: s.network.listeners, keys.of_listener)),
    "flow": ("flow", _flat("/network/flows", lambda s: s.network.flows, keys.of_flow)),
    "traffic": ("traffic", _flat("/network/traffic", lambda s: s.network.traffic, keys.of_traffic)),
    "connection": (
        "connection",
        _flat("/network/connections", lambda s: s.network.connections, keys.of_connection),
    ),
    "unix": ("unix socket", _flat("/network/unix", lambda s: s.network.unix, keys.of_unix)),
    "interface": (
        "interface",
        _flat("/network/interfaces", lambda s: s.network.interfaces, keys.of_interface),
    ),
    "counter": ("kernel counter", _counters),
    "shared-memory": (
        "SysV shared memory",
        _flat("/ipc/shared_memory", lambda s: s.ipc.shared_memory, keys.of_shared_memory),
    ),
    "semaphore": (
        "SysV semaphores",
        _flat("/ipc/semaphores", lambda s: s.ipc.semaphores, keys.of_semaphores),
    ),
    "message-queue": (
        "SysV message queue",
        _flat("/ipc/message_queues", lambda s: s.ipc.message_queues, keys.of_message_queue),
    ),
    "posix-shared-memory": (
        "POSIX shared memory",
        _flat("/ipc/posix_shared_memory", lambda s: s.ipc.posix_shared_memory, keys.of_posix_memory),
    ),
    "posix-message-queue": (
        "POSIX message queue",
        _flat("/ipc/posix_message_queues", lambda s: s.ipc.posix_message_queues, keys.of_posix_queue),
    ),
    "dev-shm": ("shared-memory filesystem", _flat("/ipc/dev_shm", lambda s: s.ipc.dev_shm, keys.of_dev_shm)),
    "limit": ("kernel limit", _flat("/ipc/limits", lambda s: s.ipc.limits, keys.of_limit)),
    "deleted-file": ("deleted file", _deleted_files),
    "lock": ("file lock", _locks),
    "volume": ("volume", _flat("/volumes", lambda s: s.volumes, keys.of_volume)),
    "mount": ("mount", _flat("/mounts", lambda s: s.mounts, keys.of_mount)),
    "latency": ("latency", _flat("/latency", lambda s: s.latency, keys.of_latency)),
    "service": ("Service", _service_ports),
    "policy": ("NetworkPolicy", _flat("/network_policies", lambda s: s.network_policies, keys.of_policy)),
    "start": ("start of", _flat("/starts", lambda s: s.starts, keys.of_start)),
    "lookup": ("lookup", _lookups),
    "dns": ("name resolution", _flat("/dns", lambda s: s.dns, keys.of_resolver)),
    "leg": ("leg", _legs),
    "path": ("path", _flat("/paths", lambda s: s.paths, keys.of_path)),
    "upstream": ("upstream", _upstreams),
    "bypass": ("past the mesh", _bypasses),
    "reach": ("reach of port", _flat("/reach", lambda s: s.reach, keys.of_reach)),
}
"""What each kind of identity is called, and how to walk over its objects. A part comes before its whole."""


def title_of(key: keys.Key) -> str:
    """What the kind of thing is called."""
    kind = _WALKS.get(str(key[0]))
    return kind[0] if kind else str(key[0])


def find(snapshot: Snapshot, key: keys.Key) -> Found | None:
    """The object with this identity, where the snapshot has it."""
    kind = _WALKS.get(str(key[0]))
    if kind is None:
        return None
    return next((found for found in kind[1](snapshot) if found.key == key), None)


def at(snapshot: Snapshot, pointer: str) -> Found | None:
    """The object that a JSON pointer leads to or into."""
    for _, walk in _WALKS.values():
        for found in walk(snapshot):
            if pointer == found.pointer or pointer.startswith(found.pointer + "/"):
                return found
    return None
