"""What only several looks tell together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count

if TYPE_CHECKING:
    from podprobe.model import Channel, Snapshot

_TIME_WAIT_SECONDS = 60
"""How long the kernel keeps a closed connection (TCP_TIMEWAIT_LEN): who used one open is known for as long."""


def with_remembered(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """The snapshot with the users of each semaphore set that earlier looks knew.

    The kernel keeps only the last process that operated on a semaphore; two containers that take turns show one at a
    time.
    """
    if before is None or not snapshot.ipc.semaphores:
        return snapshot
    known = {(each.id, each.key): each.containers for each in before.ipc.semaphores}
    names = {container.name for container in snapshot.containers}
    semaphores = tuple(
        replace(
            each, containers=tuple(sorted({*each.containers, *known.get((each.id, each.key), ())} & names))
        )
        for each in snapshot.ipc.semaphores
    )
    return replace(snapshot, ipc=replace(snapshot.ipc, semaphores=semaphores))


def with_seen_channels(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """The snapshot with the TCP channels that an earlier look saw open, and of which closed connections are left.

    A connection that lasts milliseconds is seldom open at the moment of a look; afterwards it is in TIME_WAIT for a
    minute, where the kernel knows neither process nor control group. Its server is whoever listens there. Its client
    stays unknown: that another connection of a container was seen there before does not make this one its own. But the
    channel was seen, and is told with the time when.
    """
    if before is None:
        return snapshot
    known = {_ends(channel) for channel in snapshot.channels}
    names = {container.name for container in snapshot.containers}
    found = []
    for channel in before.channels:
        if channel.kind != "tcp" or _ends(channel) in known or not names.issuperset((channel.a, channel.b)):
            continue
        seen = channel.last_open_at or before.taken_at
        age = seconds_between(seen, snapshot.taken_at)
        places = _closed(snapshot, channel)
        if not places or age is None or not 0 <= age <= _TIME_WAIT_SECONDS:
            continue
        closed = sum(snapshot.network.flows[place].connections for place in places)
        found.append(
            replace(
                channel,
                health="unknown",
                detail=f"seen open {round(age)} s ago; {count(closed, 'closed connection')} of unknown clients",
                evidence=tuple(f"/network/flows/{place}" for place in places[:100]),
                last_open_at=seen,
            )
        )
    return replace(snapshot, channels=(*snapshot.channels, *found)) if found else snapshot


def _ends(channel: Channel) -> tuple[str, str | None, str | None, str]:
    return channel.kind, channel.a, channel.b, channel.via


def _closed(snapshot: Snapshot, channel: Channel) -> list[int]:
    """Flows within the Pod to the channel's server of which only TIME_WAIT is left, and so no client."""
    return [
        place
        for place, flow in enumerate(snapshot.network.flows)
        if (flow.protocol, flow.server, flow.to_container) == ("tcp", channel.via, channel.b)
        and flow.from_container is None
        and flow.scope != "external"
        and set(flow.states) == {"time-wait"}
    ]
