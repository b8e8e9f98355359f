"""What would become of a container's channels if it moved to a Pod of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.analysis import endpoints
from podprobe.analysis.connections import endpoint
from podprobe.analysis.proxies.programs import MESH_TITLES
from podprobe.analysis.words import count, listed
from podprobe.errors import UsageError
from podprobe.model import Channel  # noqa: TC001  # msgspec reads annotations at run time
from podprobe.model.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, Listener, Mesh, Snapshot, Volume

Fate = Literal["survives", "change", "bound"]
FATES: tuple[Fate, ...] = ("bound", "change", "survives")
"""The gravest first."""

_NETWORK_VOLUMES = frozenset({"nfs", "cephfs", "glusterfs", "azureFile"})
_BINDING = {
    "shared-memory": "System V shared memory exists within one IPC namespace, which is one Pod's",
    "semaphore": "a semaphore exists within one IPC namespace, which is one Pod's",
    "message-queue": "a System V message queue exists within one IPC namespace, which is one Pod's",
    "posix-shared-memory": "it is a file in the Pod's /dev/shm, which is the memory of one node",
    "posix-message-queue": "a POSIX message queue exists within one IPC namespace, which is one Pod's",
    "pid-namespace": "processes of another Pod can be neither seen nor signalled",
}
_INSTEAD = {
    "shared-memory": "Send the data over TCP, or keep it in a store that both connect to.",
    "semaphore": "Lock in a store that both connect to (a database, etcd, a Lease object).",
    "message-queue": "Put a message broker, or a TCP connection, in its place.",
    "posix-shared-memory": "Send the data over TCP, or keep it in a store that both connect to.",
    "posix-message-queue": "Put a message broker, or a TCP connection, in its place.",
    "pid-namespace": "If one signals the other or reads its /proc, give it an interface over TCP for that.",
}


class Crossing(Model, frozen=True, kw_only=True):
    """A channel that the cut goes through."""

    channel: Channel
    fate: Fate
    """`survives` behind a Service, works after a `change`, or is `bound` to the Pod."""
    why: str
    todo: str
    """What the move asks for; empty where nothing."""


class Split(Model, frozen=True, kw_only=True):
    """What moving one container to a Pod of its own would mean."""

    pod: str
    container: str
    verdict: Literal["possible", "after-changes", "bound"]
    summary: str
    crossings: tuple[Crossing, ...] = ()
    """The gravest first."""
    notes: tuple[str, ...] = ()
    """What else moves, or has to be thought of."""


def split(snapshot: Snapshot, container: str) -> Split:
    """Judge the move of a container to a Pod of its own.

    Raises:
        UsageError: the Pod has no such container.
    """
    moved = next((each for each in snapshot.containers if each.name == container), None)
    if moved is None:
        names = listed(each.name for each in snapshot.containers) or "none"
        raise UsageError(f"{snapshot.target.pod} has no container {container!r}", f"its containers: {names}")
    crossings = [
        _crossing(snapshot, channel, container)
        for channel in snapshot.channels
        if container in {channel.a, channel.b} and channel.a and channel.b and channel.a != channel.b
    ]
    ordered = tuple(sorted(crossings, key=lambda each: FATES.index(each.fate)))
    return Split(
        pod=snapshot.target.pod,
        container=container,
        verdict=_verdict(ordered),
        summary=_summary(container, ordered),
        crossings=ordered,
        notes=tuple(_notes(snapshot, moved, ordered)),
    )


def _verdict(crossings: tuple[Crossing, ...]) -> Literal["possible", "after-changes", "bound"]:
    fates = {each.fate for each in crossings}
    return "bound" if "bound" in fates else "after-changes" if "change" in fates else "possible"


def _summary(container: str, crossings: tuple[Crossing, ...]) -> str:
    if not crossings:
        return f"{container} shares nothing with the other containers that was seen: it can move as it is."
    bound = [each.channel for each in crossings if each.fate == "bound"]
    changes = sum(each.fate == "change" for each in crossings)
    if bound:
        ties = list(dict.fromkeys(f"{each.kind} {each.via}" for each in bound))
        others = sorted({(each.a if each.b == container else each.b) or "" for each in bound})
        return (
            f"{container} is bound to {listed(others)} by {listed(ties)}: it cannot move before that "
            "is replaced."
        )
    if changes:
        return f"{container} survives behind a Service, after {count(changes, 'change')}."
    return f"{container} survives behind a Service as it is."


def _crossing(snapshot: Snapshot, channel: Channel, moved: str) -> Crossing:
    if snapshot.mesh is not None and snapshot.mesh.container in {channel.a, channel.b}:
        return _with_the_mesh(snapshot.mesh, channel, moved)
    if channel.kind in {"tcp", "udp"}:
        return _over_ip(snapshot, channel, moved)
    if channel.kind == "unix":
        return Crossing(
            channel=channel,
            fate="change",
            why="a unix socket exists on one node, in a volume or the network namespace of one Pod",
            todo=f"Let {channel.b or 'the server'} listen on a TCP port, put a Service in front of it, and "
            f"give {channel.a or 'the client'} its name in place of {channel.via}. Access rights of "
            "the socket file have to become authentication.",
        )
    if channel.kind == "volume":
        volume = next((each for each in snapshot.volumes if each.name == channel.via), None)
        if volume and _holds_only_sockets(snapshot, volume):
            return Crossing(
                channel=channel,
                fate="change",
                why="the volume holds no files, but the unix socket over which the two talk",
                todo="Once the socket is replaced, nothing needs the volume any more.",
            )
        return _over_volume(channel, volume)
    return Crossing(channel=channel, fate="bound", why=_BINDING[channel.kind], todo=_INSTEAD[channel.kind])


def _with_the_mesh(mesh: Mesh, channel: Channel, moved: str) -> Crossing:
    if mesh.container == moved:
        return Crossing(
            channel=channel,
            fate="bound",
            why=f"{moved} is the proxy of {MESH_TITLES[mesh.name]}, for the containers of its own Pod alone",
            todo="Move the application instead; its Pod gets a proxy of its own.",
        )
    return Crossing(
        channel=channel,
        fate="survives",
        why=f"{mesh.container} is the proxy of {MESH_TITLES[mesh.name]}: a Pod of {moved}'s own gets one, too",
        todo="Let the new Pod have the same mesh's labels and annotations.",
    )


def _holds_only_sockets(snapshot: Snapshot, volume: Volume) -> bool:
    """The volume has as many inodes as unix sockets that are listened on in it, and its own directory."""
    usage = volume.usage
    if usage is None or not usage.complete:
        return False
    places = [(mount.container, f"{mount.path.rstrip('/')}/") for mount in volume.mounts]
    sockets = {
        socket.path
        for socket in snapshot.network.unix
        if socket.state == "listen"
        and socket.path
        and any(socket.container == name and socket.path.startswith(path) for name, path in places)
    }
    return bool(sockets) and usage.inodes <= len(sockets) + 1


def _over_ip(snapshot: Snapshot, channel: Channel, moved: str) -> Crossing:
    address, port = endpoints.split(channel.via)
    client, server = channel.a or "the client", channel.b or "the server"
    service = f"the name of a Service for {server if server == moved else 'the Pod that stays'}"
    if not endpoints.is_loopback(address):
        return Crossing(
            channel=channel,
            fate="survives",
            why=f"it goes over the Pod's address ({address}), not over loopback",
            todo=f"Give {client} {service}, where it has the Pod's address.",
        )
    there = [
        each for each in snapshot.network.listeners if each.port == port and each.protocol == channel.kind
    ]
    reachable = any(not endpoints.is_loopback(each.address) for each in there)
    where = listed(dict.fromkeys(endpoint(each.address, each.port) for each in there)) or channel.via
    listen = "" if reachable else f"Let {server} listen on 0.0.0.0:{port} (it listens on {where}). "
    reason = f"loopback ends at the Pod, and {client} uses {channel.via}"
    return Crossing(
        channel=channel,
        fate="change",
        why=reason if reachable else f"{reason}, where alone {server} listens",
        todo=f"{listen}Replace {channel.via} in {client}'s configuration by {service}, port {port}.",
    )


def _over_volume(channel: Channel, volume: Volume | None) -> Crossing:
    kind = volume.type if volume else "unknown"
    if kind in _NETWORK_VOLUMES:
        return Crossing(
            channel=channel, fate="survives", why=f"a {kind} volume can be mounted on any node", todo=""
        )
    if kind == "persistentVolumeClaim":
        claim = volume.source if volume and volume.source else channel.via
        return Crossing(
            channel=channel,
            fate="change",
            why=f"claim {claim} can be mounted by two Pods on different nodes only if it is ReadWriteMany",
            todo=f"See `kubectl get pvc {claim}`: with ReadWriteMany mount it in both Pods; with "
            "ReadWriteOnce both have to be on one node.",
        )
    if kind == "hostPath":
        return Crossing(
            channel=channel,
            fate="change",
            why="a hostPath is a directory of one node",
            todo="Keep both Pods on one node (podAffinity), or put a ReadWriteMany claim in its place.",
        )
    return Crossing(
        channel=channel,
        fate="bound",
        why=f"{'an emptyDir' if kind == 'emptyDir' else 'the volume'} belongs to one Pod",
        todo="Put a ReadWriteMany claim or an object store in its place, or let one send the files to the "
        "other.",
    )


def _notes(snapshot: Snapshot, moved: Container, crossings: tuple[Crossing, ...]) -> Iterator[str]:
    ports = {each.port for each in moved.ports}
    ports |= {each.port for each in snapshot.network.listeners if each.container == moved.name}
    for service in snapshot.services:
        for port in service.ports:
            if port.container == moved.name or (port.container is None and port.target_port in ports):
                yield (
                    f"Service {service.name} sends port {port.port} to {moved.name}: its selector has to "
                    "match the new Pod."
                )
    for volume in snapshot.volumes:
        users = {mount.container for mount in volume.mounts}
        if volume.name.startswith("kube-api-access-"):
            continue  # every Pod gets one
        if moved.name in users and (
            users == {moved.name} or volume.type in {"configMap", "secret", "projected"}
        ):
            yield f"Volume {volume.name} ({volume.type}) has to be mounted in the new Pod."
    tied = {endpoints.split(each.channel.via)[1] for each in crossings if each.channel.kind in {"tcp", "udp"}}
    for listener in snapshot.network.listeners:
        if listener.container == moved.name and _private(listener) and listener.port not in tied:
            at = endpoint(listener.address, listener.port)
            yield (
                f"{moved.name} listens on {at}; nobody was connected when podprobe looked, but whoever "
                "uses it would lose it."
            )
    unseen = [
        each
        for each in snapshot.visibility
        if each.level != ("full") and each.container in {None, moved.name}
    ]
    if unseen:
        areas = listed(sorted({each.area for each in unseen}))
        yield f"Not everything could be seen ({areas}): there may be channels that are missing here."
    if moved.kind in {"sidecar", "init"}:
        yield (
            f"{moved.name} is a {moved.kind} container: in a Pod of its own it no longer starts before the "
            "others."
        )


def _private(listener: Listener) -> bool:
    return listener.protocol in {"tcp", "udp"} and endpoints.is_loopback(listener.address)
