"""The subjects of a snapshot, and what each is told apart by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Listener, SharedMemory, Snapshot, UnixSocket

    Item = tuple[str, Any]

_IDENTITY_LABELS = {
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
}


def pod(snapshot: Snapshot) -> Iterator[Item]:
    """The Pod, and each of its labels."""
    yield "Pod", snapshot.target
    for key, value in snapshot.target.labels.items():
        if key not in _IDENTITY_LABELS:
            yield f"label {key}", {"value": value}


def containers(snapshot: Snapshot) -> Iterator[Item]:
    """Containers by name."""
    return ((container.name, container) for container in snapshot.containers)


def ports(snapshot: Snapshot) -> Iterator[Item]:
    """Declared ports by container, number and protocol."""
    for container in snapshot.containers:
        for port in container.ports:
            yield f"{container.name} {port.port}/{port.protocol}", port


def probes(snapshot: Snapshot) -> Iterator[Item]:
    """Declared probes by container, role and what they aim at."""
    for container in snapshot.containers:
        for probe in container.probes:
            port = probe.port if probe.port is not None else probe.port_name
            aim = "exec" if probe.kind == "exec" else f"{probe.kind} :{port}{probe.path or ''}"
            yield f"{container.name} {probe.role} {aim}", probe


def trials(snapshot: Snapshot) -> Iterator[Item]:
    """What became of tried probes."""
    for container in snapshot.containers:
        for probe in container.probes:
            if probe.tried:
                yield f"{container.name} {probe.role}", probe.tried


def starts(snapshot: Snapshot) -> Iterator[Item]:
    """When containers started, and what for they waited."""
    return ((found.container, found) for found in snapshot.starts)


def listeners(snapshot: Snapshot) -> Iterator[Item]:
    """Listening sockets by protocol, address and port."""
    for found in snapshot.network.listeners:
        yield f"{found.protocol} {_endpoint(found)}", found


def _endpoint(listener: Listener) -> str:
    address = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{address}:{listener.port}"


def passing_listener(snapshot: Snapshot, listener: Listener) -> bool:
    """A UDP client's socket is bound like a server's, but to a port that the kernel picked."""
    low, high = snapshot.network.ephemeral_ports or (32768, 60999)
    return listener.protocol == "udp" and low <= listener.port <= high


def unix(snapshot: Snapshot) -> Iterator[Item]:
    """Listening unix sockets by path."""
    return ((found.path or "unnamed", found) for found in snapshot.network.unix if found.state == "listen")


def autobound(_snapshot: Snapshot, found: UnixSocket) -> bool:
    """`bind()` without a name makes the kernel pick one of five hexadecimal digits (unix(7), autobind)."""
    path = found.path or ""
    return not path or (
        len(path) == 6 and path[0] == "@" and all(digit in "0123456789abcdef" for digit in path[1:])
    )


def segments(snapshot: Snapshot) -> Iterator[Item]:
    """System V segments by key."""
    for found in snapshot.ipc.shared_memory:
        yield _segment_name(found), found


def _segment_name(segment: SharedMemory) -> str:
    if not is_private(segment.key):
        return segment.key
    # IPC_PRIVATE: no key, and the id is another one after each start.
    return f"private, {segment.bytes} bytes of uid {segment.uid}"


def posix_memory(snapshot: Snapshot) -> Iterator[Item]:
    """Files of /dev/shm by name; an unlinked one may have had the name of one that is there."""
    for found in snapshot.ipc.posix_shared_memory:
        yield f"{found.name} (unlinked)" if found.unlinked else found.name, found


def mount_points(snapshot: Snapshot) -> Iterator[Item]:
    """Mounts of volumes by container and path."""
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


def channels(snapshot: Snapshot) -> Iterator[Item]:
    """Channels by kind, place and ends."""
    for found in snapshot.channels:
        ends = f"{found.a or 'outside'} {'→' if found.directed else '–'} {found.b or 'outside'}"
        yield f"{found.kind} {found.via} {ends}", found


def service_ports(snapshot: Snapshot) -> Iterator[Item]:
    """Ports of Services."""
    for service in snapshot.services:
        for port in service.ports:
            yield f"{service.name}:{port.port}", port


def reach(snapshot: Snapshot) -> Iterator[Item]:
    """Ports as NetworkPolicies have them."""
    return ((f"{found.protocol} :{found.port}", found) for found in snapshot.reach)


def resolvers(snapshot: Snapshot) -> Iterator[Item]:
    """Ways of resolving names, by whose they are."""
    return ((container, dns) for dns in snapshot.dns for container in dns.containers)


def lookups(snapshot: Snapshot) -> Iterator[Item]:
    """Lookups by name and type; the Pod's own name is another one in each replica."""
    for dns in snapshot.dns:
        for found in dns.lookups:
            yield f"{'own name' if found.kind == 'own-name' else found.name} {found.type}", found


def hex_key(found: Any) -> str:
    """A System V key; private ones by their owner."""
    return f"private of uid {found.uid}" if is_private(found.key) else found.key


def is_private(key: str) -> bool:
    """A System V key that names nothing: IPC_PRIVATE, which is 0."""
    return set(key) <= {"0", "x"}


def always(_snapshot: Snapshot, _item: Any) -> bool:
    """It comes and goes by itself."""
    return True
