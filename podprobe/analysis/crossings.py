"""A channel that the cut goes through, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.analysis import endpoints
from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.proxies.programs import MESH_TITLES
from podprobe.analysis.words import listed
from podprobe.model import Channel  # noqa: TC001  # msgspec reads annotations at run time
from podprobe.model.base import Model

if TYPE_CHECKING:
    from podprobe.model import Mesh, Snapshot, Volume

Fate = Literal["survives", "change", "unknown", "bound"]
FATES: tuple[Fate, ...] = ("bound", "unknown", "change", "survives")
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
    """`survives` behind a Service, works after a `change`, or is `bound` to the Pod; `unknown`: an end of it is
    not known (`None`), and it may be no channel of this container at all."""
    why: str
    todo: str
    """What the move asks for; empty where nothing."""


def crossing(snapshot: Snapshot, channel: Channel, moved: str) -> Crossing:
    """What becomes of a channel between `moved` and another container of the Pod."""
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
