"""What a user means by `podprobe latency --to`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import naming
from podprobe.analysis.endpoints import endpoint, is_loopback
from podprobe.analysis.matrix import Endpoint, endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.analysis.latency import Kind
    from podprobe.model import Listener, Snapshot

_LOCALHOST = "localhost"


def named(snapshot: Snapshot, to: str, kind: Kind | None = None, path: str = "/") -> tuple[Endpoint, ...]:
    """The endpoints that a user means by `--to`.

    Args:
        snapshot: of the Pod.
        to: a port, `HOST:PORT`, the path or `@name` of a unix socket, or a URL.
        kind: where the words alone leave it open.
        path: of a URL that is made from a port or a unix socket.

    Returns:
        Those in the snapshot; else the one endpoint that the words describe, with nobody known to listen: a probe of
        it tells more than an error. Empty where the words describe none.
    """
    socket = naming.socket_path(to)
    if socket is not None:
        return _socket(snapshot, to, socket, kind, path)
    meant = naming.place(to)
    if meant is None:
        return ()
    host, port = meant
    if to.lower().startswith((naming.HTTP, naming.HTTPS)):
        return (Endpoint("http", to, _container(_at(snapshot, "tcp", host, port))),)
    transport: Kind = kind if kind in ("http", "udp") else "tcp"
    listening = _at(snapshot, "udp" if transport == "udp" else "tcp", host, port)
    matching = [found for found in endpoints(snapshot, transport, path) if _is_of(found, listening)]
    if matching and host in (None, _LOCALHOST):
        return tuple(matching)
    where = endpoint("127.0.0.1" if host is None else host, port)
    to = naming.url(where, path) if transport == "http" else where
    same = [found for found in matching if found.to == to]
    return tuple(same) or (Endpoint(transport, to, _container(listening)),)


def contradiction(to: str, kind: Kind | None) -> str | None:
    """Why an endpoint cannot be probed in this way; `None` where it can."""
    if kind is None:
        return None
    url = to.lower().startswith((naming.HTTP, naming.HTTPS, naming.HTTP_UNIX))
    if url:
        return None if kind == "http" else f"--to {to!r} is a URL, and --kind {kind} asks for none"
    if naming.socket_path(to) is not None:
        return None if kind in ("unix", "http") else f"--to {to!r} is a unix socket, and not of --kind {kind}"
    return f"--to {to!r} is no unix socket, as --kind unix takes" if kind == "unix" else None


def unknown(snapshot: Snapshot, wanted: Iterable[Endpoint]) -> str | None:
    """What to tell whoever named an endpoint that nobody is known to listen at; `None` where there is none.

    Args:
        snapshot: of the Pod.
        wanted: what was named.
    """
    absent = [
        each.to
        for each in wanted
        if each.container is None and each.kind != "http" and not _known(snapshot, each)
    ]
    if not absent:
        return None
    there = ", ".join(f"{each.to} ({each.container or 'owner unknown'})" for each in endpoints(snapshot))
    return f"nothing of the Pod is known to listen at {', '.join(absent)}; there is {there or 'nothing that does'}"


def _socket(snapshot: Snapshot, to: str, socket: str, kind: Kind | None, path: str) -> tuple[Endpoint, ...]:
    known = [found for found in endpoints(snapshot, "unix") if found.to == socket]
    if kind != "http" and to == socket:
        return tuple(known) or (Endpoint("unix", to, None),)
    asked = naming.url(socket, path) if to == socket else to
    return tuple(Endpoint("http", asked, found.container, found.pid) for found in known) or (
        Endpoint("http", asked, None),
    )


def _at(snapshot: Snapshot, protocol: str, host: str | None, port: int) -> list[Listener]:
    """Who listens there. A host that is none of the Pod's own addresses is not taken for it."""
    found = [one for one in snapshot.network.listeners if one.protocol == protocol and one.port == port]
    if host is None:
        return found
    own = {
        address.partition("/")[0]
        for interface in snapshot.network.interfaces
        for address in interface.addresses
    }
    own |= set(snapshot.target.ips)
    if host != _LOCALHOST and host not in own and not is_loopback(host):
        return []
    return [one for one in found if _takes(one, host)]


def _takes(listener: Listener, host: str) -> bool:
    """Whether a listener takes connections to one of the Pod's own addresses."""
    address = listener.address.removeprefix("::ffff:") if "." in listener.address else listener.address
    if address == "::":
        return not listener.v6_only or ":" in host or host == _LOCALHOST
    if address == "0.0.0.0":  # noqa: S104  # compared with, not bound to
        return ":" not in host
    return is_loopback(address) if host == _LOCALHOST else address == host


def _container(listening: Iterable[Listener]) -> str | None:
    """Whose they are, where they are all of one."""
    found = {one.container for one in listening}
    return found.pop() if len(found) == 1 else None


def _is_of(found: Endpoint, listening: Iterable[Listener]) -> bool:
    from podprobe.analysis.probing import probe_address

    where = found.to.removeprefix(naming.HTTP).partition("/")[0] if found.kind == "http" else found.to
    return any(where == endpoint(probe_address(one), one.port) for one in listening)


def _known(snapshot: Snapshot, wanted: Endpoint) -> bool:
    """Somebody listens there, though nobody knows who."""
    if wanted.kind == "unix":
        return any(found.to == wanted.to for found in endpoints(snapshot, "unix"))
    meant = naming.place(wanted.to)
    return meant is not None and bool(_at(snapshot, wanted.kind, *meant))
