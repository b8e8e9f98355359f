"""Identities: what tells one listener, flow or finding from another, the same from snapshot to snapshot.

A target of the screen, a row's cursor and a trend all go by these. The first element names the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.flows import FlowKey

if TYPE_CHECKING:
    from podprobe.model import (
        Bypass,
        Channel,
        Connection,
        Container,
        DeletedFile,
        DevShm,
        Dns,
        FileLock,
        Finding,
        Flow,
        Interface,
        Latency,
        Limit,
        Listener,
        Lookup,
        MessageQueue,
        Mount,
        NetworkPolicy,
        Path,
        PosixMessageQueue,
        PosixSharedMemory,
        Probe,
        Process,
        Reach,
        SemaphoreSet,
        Service,
        ServicePort,
        SharedMemory,
        Start,
        Traffic,
        UnixSocket,
        Upstream,
        Volume,
    )

Key = tuple[str | int | None, ...]


def of_finding(finding: Finding) -> Key:
    """By code and subject."""
    return "finding", finding.code, finding.subject


def of_container(container: Container) -> Key:
    """By name."""
    return "container", container.name


def of_process(container: str, process: Process) -> Key:
    """By container and PID."""
    return "process", container, process.pid


def of_start(start: Start) -> Key:
    """By container."""
    return "start", start.container


def of_probe(container: str, probe: Probe) -> Key:
    """By container and role."""
    return "probe", container, probe.role


def of_channel(channel: Channel) -> Key:
    """By what it is and whom it joins."""
    return "channel", channel.kind, channel.a, channel.b, channel.via


def of_listener(listener: Listener) -> Key:
    """By address and port, and the inode where several share one (SO_REUSEPORT)."""
    return "listener", listener.protocol, listener.address, listener.port, listener.inode


def of_flow(flow: Flow) -> Key:
    """By the two parties and the server's endpoint."""
    return (
        "flow",
        *FlowKey(
            flow.protocol,
            flow.scope,
            flow.from_container,
            flow.to_container,
            flow.server,
            flow.remote_address,
            flow.original,
        ),
    )


NETWORK: Key = ("network",)
"""Of the whole network namespace."""


def of_traffic(traffic: Traffic) -> Key:
    """By container and scope."""
    return "traffic", traffic.container, traffic.scope


def of_connection(connection: Connection) -> Key:
    """By its two ends: one socket of a connection within the Pod has them the other way round."""
    return "connection", connection.protocol, connection.local, connection.remote


def of_unix(socket: UnixSocket) -> Key:
    """By inode."""
    return "unix", socket.inode


def of_interface(interface: Interface) -> Key:
    """By name."""
    return "interface", interface.name


def of_counter(name: str) -> Key:
    """By the kernel's name."""
    return "counter", name


def of_shared_memory(segment: SharedMemory) -> Key:
    """By shmid."""
    return "shared-memory", segment.id


def of_semaphores(semaphores: SemaphoreSet) -> Key:
    """By semid."""
    return "semaphore", semaphores.id


def of_message_queue(queue: MessageQueue) -> Key:
    """By msqid."""
    return "message-queue", queue.id


def of_posix_memory(memory: PosixSharedMemory) -> Key:
    """By name and the containers whose /dev/shm it is in."""
    return (
        "posix-shared-memory",
        memory.name,
        *memory.containers,
        *([memory.inode] if memory.unlinked else []),
    )


def of_posix_queue(queue: PosixMessageQueue) -> Key:
    """By name."""
    return "posix-message-queue", queue.name


def of_dev_shm(shm: DevShm) -> Key:
    """By the containers that have it."""
    return "dev-shm", *shm.containers


def of_limit(limit: Limit) -> Key:
    """By name."""
    return "limit", limit.name


def of_volume(volume: Volume) -> Key:
    """By name."""
    return "volume", volume.name


def of_deleted_file(place: str, file: DeletedFile) -> Key:
    """By process and path."""
    return "deleted-file", place, file.container, file.process.pid, file.path


def of_lock(place: str, lock: FileLock) -> Key:
    """By file and holder."""
    return "lock", place, lock.kind, lock.inode, lock.holder.pid


def of_mount(mount: Mount) -> Key:
    """By container and path."""
    return "mount", mount.container, mount.path


def of_latency(latency: Latency) -> Key:
    """By where it was measured from and to."""
    return "latency", latency.from_container, latency.to, latency.kind


def of_service(service: Service, port: ServicePort | None) -> Key:
    """By Service and port; one without ports by its name."""
    return ("service", service.name, port.port, port.protocol) if port else ("service", service.name)


def of_policy(policy: NetworkPolicy) -> Key:
    """By name."""
    return "policy", policy.name


def of_reach(reach: Reach) -> Key:
    """By port and whose it is."""
    return "reach", reach.protocol, reach.port, reach.container


def of_resolver(dns: Dns) -> Key:
    """By the containers that have its settings."""
    return "dns", *dns.containers


def of_lookup(dns: Dns, lookup: Lookup) -> Key:
    """By name and type, and the containers whose settings were gone by."""
    return "lookup", lookup.name, lookup.type, *dns.containers


def of_path(path: Path) -> Key:
    """By where it begins and all it leads to."""
    return (
        "path",
        *(leg.from_container for leg in path.legs[:1]),
        *(f"{leg.to_container} {leg.to} {leg.original}" for leg in path.legs),
    )


def of_leg(path: Path, number: int) -> Key:
    """By its path, and its place in it: two paths may have a leg in common."""
    return "leg", *of_path(path)[1:], number


def of_upstream(proxy: str, upstream: Upstream) -> Key:
    """By proxy and name."""
    return "upstream", proxy, upstream.name


def of_bypass(bypass: Bypass) -> Key:
    """By container and endpoint."""
    return "bypass", bypass.direction, bypass.container, bypass.endpoint
