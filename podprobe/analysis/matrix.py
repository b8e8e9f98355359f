"""Every endpoint of a Pod, and from where to probe it: the matrix that `podprobe latency` fills."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis import naming
from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.probing import probe_address
from podprobe.analysis.proxies.mesh import is_interception

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podprobe.analysis.latency import Kind
    from podprobe.model import Listener, Owner, Snapshot, UnixSocket


@dataclass(frozen=True)
class Endpoint:
    """Something that can be probed."""

    kind: Kind
    to: str
    """`127.0.0.1:5000`, a unix socket's path as its own container has it, or a URL."""
    container: str | None
    """Who listens, if known."""
    pid: int | None = None
    """The process that does, as its container numbers it."""


@dataclass(frozen=True)
class Cell:
    """One probe of the matrix."""

    from_container: str | None
    endpoint: Endpoint
    to: str
    """The endpoint as the probing container has it."""


@dataclass(frozen=True)
class Twins:
    """One server that listens both on TCP and on a unix socket."""

    tcp: Endpoint
    unix: Endpoint


def endpoints(snapshot: Snapshot, kind: Kind | None = None, path: str = "/") -> tuple[Endpoint, ...]:
    """All endpoints of a kind; by default TCP listeners and listening unix sockets.

    Args:
        snapshot: of the Pod.
        kind: `http` takes every TCP listener for a web server; `udp` a socket that is not connected.
        path: of the URLs, for `http`.
    """
    found: dict[tuple[str, str], Endpoint] = {}
    for listener in snapshot.network.listeners:
        if is_interception(snapshot, listener):
            continue
        made = _listener(listener, kind, path)
        if made is not None:
            found.setdefault((made.kind, made.to), made)
    if kind in (None, "unix"):
        for socket in snapshot.network.unix:
            if socket.state == "listen" and socket.kind == "stream" and socket.path:
                made = Endpoint("unix", socket.path, socket.container, _pid(socket))
                found.setdefault((made.kind, made.to), made)
    return tuple(found.values())


def _listener(listener: Listener, kind: Kind | None, path: str) -> Endpoint | None:
    to = endpoint(probe_address(listener), listener.port)
    pid = _pid(listener)
    if listener.protocol == "tcp" and kind in (None, "tcp"):
        return Endpoint("tcp", to, listener.container, pid)
    if listener.protocol == "tcp" and kind == "http":
        return Endpoint("http", f"http://{to}{path}", listener.container, pid)
    if listener.protocol == "udp" and kind == "udp":
        return Endpoint("udp", to, listener.container, pid)
    return None


def _pid(socket: Listener | UnixSocket) -> int | None:
    owner: Owner = socket.owner
    return owner.process.pid if owner.process else None


def cells(
    snapshot: Snapshot, wanted: Iterable[Endpoint], agents: Sequence[str | None]
) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """Every endpoint from every container that can reach it.

    Args:
        snapshot: of the Pod.
        wanted: endpoints.
        agents: containers that can be probed from; `None` is an agent of the whole Pod.

    Returns:
        The probes, and a sentence for each that is left out: a container without the socket's volume has no path to it.
    """
    made: list[Cell] = []
    left_out: list[str] = []
    for found in wanted:
        for agent in agents:
            to = path_in(snapshot, found, agent)
            if to is None:
                left_out.append(
                    f"{agent} has no path to {found.to} of {found.container}: no volume that both mount"
                )
            else:
                made.append(Cell(agent, found, to))
    return tuple(made), tuple(left_out)


def path_in(snapshot: Snapshot, found: Endpoint, container: str | None) -> str | None:
    """An endpoint as another container has it: all share the network, but each has its own files.

    Returns:
        The same words for all but the path of a unix socket, which is followed through the volumes that both
        containers mount; `None` where there is no such volume.
    """
    socket = naming.socket_path(found.to)
    ours = socket is None or socket.startswith("@")
    if ours or container is None or found.container in (None, container):
        return found.to
    there = None if socket is None else _through_volumes(snapshot, socket, found.container, container)
    return None if there is None or socket is None else naming.with_socket_path(found.to, there)


def _through_volumes(snapshot: Snapshot, path: str, owner: str | None, container: str) -> str | None:
    best: tuple[int, str] | None = None
    for volume in snapshot.volumes:
        theirs = [mount for mount in volume.mounts if mount.container == owner]
        mine = [mount for mount in volume.mounts if mount.container == container]
        for mount in theirs:
            inside = _inside(path, mount.path)
            if inside is None or not mine or (best and len(mount.path) <= best[0]):
                continue
            same = next((other for other in mine if other.sub_path == mount.sub_path), None)
            if same is not None:
                best = len(mount.path), posixpath.join(same.path, inside)
    return best[1] if best else None


def _inside(path: str, directory: str) -> str | None:
    prefix = directory.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def twins(found: Iterable[Endpoint]) -> tuple[Twins, ...]:
    """Servers that listen on TCP and on a unix socket: the same process of the same container."""
    listed = list(found)
    return tuple(
        Twins(tcp, unix)
        for tcp in listed
        if tcp.kind == "tcp" and tcp.pid is not None and tcp.container is not None
        for unix in listed
        if unix.kind == "unix" and (unix.container, unix.pid) == (tcp.container, tcp.pid)
    )
