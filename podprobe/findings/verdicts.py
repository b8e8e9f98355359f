"""What findings say of channels: one that a finding calls broken is broken on the map, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from podprobe.analysis import endpoints, health
from podprobe.findings.rule import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podprobe.model import Channel, Connection, Finding, Health, Leg, Snapshot

_HEALTH: dict[str, Health] = {"critical": "broken", "warning": "degraded"}


def with_verdicts(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the health of channels, and of the legs of paths, no better than its findings say.

    A finding counts for a channel where it points at what the channel is made of: its flows and their connections,
    the listener it ends at, the probes of it, the object or the volume that is shared. One that names two containers
    or more counts for the channels between those only.
    """
    told = [
        (one, frozenset(_places(snapshot, one)))
        for one in snapshot.findings
        if one.severity in _HEALTH and one.code in RULES and RULES[one.code].of_channels
    ]
    if not told:
        return snapshot
    channels = tuple(_channel(channel, told) for channel in snapshot.channels)
    paths = tuple(replace(path, legs=tuple(_leg(leg, told) for leg in path.legs)) for path in snapshot.paths)
    return replace(snapshot, channels=channels, paths=paths)


@dataclass(frozen=True)
class _Place:
    """Where a finding points: a place in the snapshot, or an endpoint that channels lead to."""

    pointer: str = ""
    ends: tuple[str | None, str | None, str] | None = None
    """Client, server and endpoint; `None` for a client that may be anybody."""
    listener: tuple[str | None, int] | None = None
    """The container and the port of a listener on IP."""
    path: str | None = None
    """Of a unix socket."""

    def holds(self, evidence: Sequence[str], ends: tuple[str | None, str | None, str]) -> bool:
        """The finding is about what a channel or leg with this evidence and these ends is made of."""
        client, server, via = ends
        if self.ends is not None:
            return (server, via) == self.ends[1:] and self.ends[0] in {None, client}
        if self.listener is not None:
            return self.listener == (server, endpoints.split(via)[1])
        if self.path is not None:
            return self.path == via
        return any(_within(self.pointer, place) for place in evidence)


_Told: TypeAlias = "Sequence[tuple[Finding, frozenset[_Place]]]"


def _within(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(f"{place}/")


def _places(snapshot: Snapshot, finding: Finding) -> Iterable[_Place]:
    for pointer in finding.pointers:
        yield _Place(pointer)
        area, _, number = pointer.rpartition("/")
        if not number.isdecimal():
            continue
        index = int(number)
        if area == "/network/connections" and index < len(snapshot.network.connections):
            yield _Place(ends=_ends(snapshot.network.connections[index]))
        elif area == "/network/listeners" and index < len(snapshot.network.listeners):
            listener = snapshot.network.listeners[index]
            yield _Place(listener=(listener.container, listener.port))
        elif area == "/network/unix" and index < len(snapshot.network.unix):
            socket = snapshot.network.unix[index]
            if socket.state == "listen" and socket.path:
                yield _Place(path=socket.path)
        elif area == "/ipc/dev_shm" and index < len(snapshot.ipc.dev_shm):
            for place, file in enumerate(snapshot.ipc.posix_shared_memory):
                there = set(file.containers) & set(snapshot.ipc.dev_shm[index].containers)
                if there and not file.semaphore:
                    yield _Place(f"/ipc/posix_shared_memory/{place}")
        elif area == "/latency" and index < len(snapshot.latency):
            probed = snapshot.latency[index]
            yield _Place(ends=(probed.from_container, probed.to_container, probed.to))


def _ends(connection: Connection) -> tuple[str | None, str | None, str]:
    server = connection.local if connection.role == "server" else connection.remote
    return connection.from_container, connection.to_container, server


def _channel(channel: Channel, told: _Told) -> Channel:
    found = _found(told, channel.evidence, (channel.a, channel.b, channel.via))
    if not found:
        return channel
    codes = tuple(dict.fromkeys(one.code for one in found))
    return replace(channel, health=_worst(channel.health, found), findings=codes)


def _leg(leg: Leg, told: _Told) -> Leg:
    found = _found(told, leg.evidence, (leg.from_container, leg.to_container, leg.to))
    return replace(leg, health=_worst(leg.health, found)) if found else leg


def _worst(own: Health, found: Sequence[Finding]) -> Health:
    return health.worst([own, *(_HEALTH[one.severity] for one in found)])


def _found(told: _Told, evidence: Sequence[str], ends: tuple[str | None, str | None, str]) -> list[Finding]:
    """The findings that are about what has this evidence and these ends, in their order: the gravest first."""
    parties = {name for name in ends[:2] if name is not None}
    return [
        finding
        for finding, places in told
        if _concerns(set(finding.containers), parties) and any(one.holds(evidence, ends) for one in places)
    ]


def _concerns(named: set[str], parties: set[str]) -> bool:
    """What is wrong with one container's end is wrong with each of its channels; between two, with theirs alone."""
    return named <= parties if len(named) < 2 else parties <= named
