"""What would become of a container's channels if it moved to a Pod of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from podprobe.analysis import endpoints
from podprobe.analysis.containers import container_named
from podprobe.analysis.crossings import FATES, Crossing, crossing
from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.unknown_ends import gaps, unknown_ends
from podprobe.analysis.words import count, listed
from podprobe.model.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.analysis.unknown_ends import UnknownEnd
    from podprobe.model import Channel, Container, Listener, Snapshot

Verdict = Literal["possible", "uncertain", "after-changes", "bound"]
_Ends = tuple[str, str | None, str | None, str]
_CONNECTED = frozenset({"tcp", "udp", "unix"})


class Split(Model, frozen=True, kw_only=True):
    """What moving one container to a Pod of its own would mean."""

    pod: str
    container: str
    verdict: Verdict
    """`uncertain`: nothing was seen that ties it, but not all could be seen."""
    summary: str
    crossings: tuple[Crossing, ...] = ()
    """The gravest first."""
    notes: tuple[str, ...] = ()
    """What else moves, or has to be thought of."""


def split(looks: Iterable[Snapshot], container: str) -> Split:
    """Judge the move of a container to a Pod of its own.

    Args:
        looks: one or several, oldest first; what any of them saw counts.
        container: its name.

    Raises:
        UsageError: the Pod has no such container.
    """
    seen: dict[_Ends, tuple[Snapshot, Channel]] = {}
    unknown: dict[tuple[str, str], UnknownEnd] = {}
    for snapshot in looks:
        seen |= {_ends(each): (snapshot, each) for each in snapshot.channels if _tied(each, container)}
        # Who uses an object of IPC is remembered from look to look: the last knows best.
        unknown = {key: each for key, each in unknown.items() if key[0] in _CONNECTED}
        unknown |= {(each.channel.kind, each.channel.via): each for each in unknown_ends(snapshot, container)}
    moved = container_named(container, snapshot.containers, snapshot.target.pod)
    names = {each.name for each in snapshot.containers}
    crossings = [
        crossing(snapshot, channel if when is snapshot else _earlier(channel, when), container)
        for when, channel in seen.values()
        if names.issuperset((channel.a, channel.b))
    ]
    told = {(each.channel.kind, each.channel.via) for each in crossings}
    crossings += [
        Crossing(channel=each.channel, fate="unknown", why=each.why, todo=each.todo)
        for key, each in unknown.items()
        if key not in told
    ]
    ordered = tuple(sorted(crossings, key=lambda each: FATES.index(each.fate)))
    unseen = gaps(snapshot)
    return Split(
        pod=snapshot.target.pod,
        container=container,
        verdict=_verdict(ordered, unseen),
        summary=_summary(container, ordered, unseen),
        crossings=ordered,
        notes=tuple(_notes(snapshot, moved, ordered, unseen)),
    )


def _ends(channel: Channel) -> _Ends:
    return channel.kind, channel.a, channel.b, channel.via


def _tied(channel: Channel, container: str) -> bool:
    ends = {channel.a, channel.b}
    return container in ends and len(ends - {None}) == 2  # both ends are of the Pod


def _earlier(channel: Channel, when: Snapshot) -> Channel:
    """A channel that the last look did not see: its numbers are of then, its evidence in another snapshot."""
    detail = f"{channel.detail}, " if channel.detail else ""
    return replace(channel, health="unknown", detail=f"{detail}seen at {when.taken_at}", evidence=())


def _verdict(crossings: tuple[Crossing, ...], unseen: list[str]) -> Verdict:
    fates = {each.fate for each in crossings}
    if "bound" in fates:
        return "bound"
    if "change" in fates:
        return "after-changes"
    return "uncertain" if unseen or "unknown" in fates else "possible"


def _summary(container: str, crossings: tuple[Crossing, ...], unseen: list[str]) -> str:
    bound = [each.channel for each in crossings if each.fate == "bound"]
    changes = sum(each.fate == "change" for each in crossings)
    unknown = sum(each.fate == "unknown" for each in crossings)
    if bound:
        ties = list(dict.fromkeys(f"{each.kind} {each.via}" for each in bound))
        others = sorted({(each.a if each.b == container else each.b) or "" for each in bound})
        return (
            f"{container} is bound to {listed(others)} by {listed(ties)}: it cannot move before that "
            "is replaced."
        )
    doubts = []
    if unknown:
        doubts.append(f"of {count(unknown, 'channel')} an end is not known")
    if unseen:
        doubts.append(f"not everything could be seen ({listed(unseen)})")
    if not crossings and not doubts:
        return f"{container} shares nothing with the other containers that was seen: it can move as it is."
    if len(crossings) == unknown:
        told = f"Nothing was seen that certainly ties {container} to the other containers"
    elif changes:
        told = f"{container} survives behind a Service, after {count(changes, 'change')}"
    else:
        told = f"{container} survives behind a Service as it is"
    return f"{told}, but that is not certain: {' and '.join(doubts)}." if doubts else f"{told}."


def _notes(
    snapshot: Snapshot, moved: Container, crossings: tuple[Crossing, ...], unseen: list[str]
) -> Iterator[str]:
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
    # Where nothing binds, the summary says so.
    if unseen and any(each.fate == "bound" for each in crossings):
        yield f"Not everything could be seen ({listed(unseen)}): there may be channels that are missing here."
    if moved.kind in {"sidecar", "init"}:
        yield (
            f"{moved.name} is a {moved.kind} container: in a Pod of its own it no longer starts before the "
            "others."
        )


def _private(listener: Listener) -> bool:
    return listener.protocol in {"tcp", "udp"} and endpoints.is_loopback(listener.address)
