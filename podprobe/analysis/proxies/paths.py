"""Paths: the ways that requests take through proxies, put together from the legs that connections show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.proxies import legs as legs_
from podprobe.analysis.times import epoch
from podprobe.model import Leg, Path, Price

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from podprobe.model import Container, Snapshot

MOST_PATHS = 100
_DEEPEST = 6
_OUTWARDS = 20
"""Of the places outside that a proxy connects to, so many have a path of their own: those with most connections."""
_PASSING_ON = frozenset({"reverse-proxy", "ambassador", "mesh-proxy"})


def paths(
    snapshot: Snapshot, before: Snapshot | None = None, thresholds: Mapping[str, float] | None = None
) -> tuple[Path, ...]:
    """The paths, those that begin outside first, then by connections.

    Args:
        snapshot: with proxies, roles and mesh told already.
        before: the look before this one, for the CPU time that the proxies took since.
        thresholds: by which a leg's health goes.
    """
    return _Finder(snapshot, before, thresholds).paths()


class _Finder:
    def __init__(
        self, snapshot: Snapshot, before: Snapshot | None, thresholds: Mapping[str, float] | None
    ) -> None:
        self.snapshot = snapshot
        self.before = before
        self.proxies = {proxy.container for proxy in snapshot.proxies} | {
            container.name for container in snapshot.containers if container.role in _PASSING_ON
        }
        every = legs_.legs(snapshot, thresholds)
        self.into = {name: [leg for leg in every if leg.to_container == name] for name in self.proxies}
        self.out = {name: _outwards(every, name) for name in self.proxies}
        self._add_quiet()

    def paths(self) -> tuple[Path, ...]:
        found: list[Path] = []
        used: set[str] = set()
        fronts = [leg for legs in self.into.values() for leg in legs]
        # First from those who are no proxies; then whatever proxies begin by themselves.
        for leg in sorted(fronts, key=lambda each: each.from_container in self.proxies):
            if leg.from_container in self.proxies and _identity(leg) in used:
                continue
            for chain, certain in self._chains([leg]):
                if len(chain) > 1:
                    found.append(self._path(chain, certain=certain))
                    used.update(map(_identity, chain))
        found.sort(key=lambda path: (path.legs[0].from_container is not None, not path.services,
                                     -path.legs[0].connections, path.legs[0].to))  # fmt: skip
        return tuple(found[:MOST_PATHS])

    def _chains(self, chain: list[Leg], *, certain: bool = True) -> Iterator[tuple[list[Leg], bool]]:
        """Every way on from the last leg, to its end."""
        here = chain[-1].to_container
        been = {leg.from_container for leg in chain}
        ways = [] if here not in self.proxies or len(chain) >= _DEEPEST else self._ways_on(chain[-1])
        ways = [(leg, sure) for leg, sure in ways if leg.to_container not in been - {None}]
        if chain[0].from_container is None:
            # What comes from outside and what leaves for it are different requests.
            ways = [(leg, sure) for leg, sure in ways if leg.to_container is not None]
        if not ways:
            yield chain, certain
        for leg, sure in ways:
            yield from self._chains([*chain, leg], certain=certain and sure)

    def _ways_on(self, front: Leg) -> list[tuple[Leg, bool]]:
        """Legs out of the proxy that requests of `front` may take, each with whether that is sure."""
        proxy = front.to_container or ""
        fronts = [leg for leg in self.into[proxy] if leg.connections]
        backs = self.out[proxy]
        if front.original is not None:
            meant = [leg for leg in backs if leg.to == front.original]
            taken = {leg.original for leg in fronts}
            return [(leg, True) for leg in meant] or [
                (leg, False) for leg in backs if leg.to_container is None and leg.to not in taken
            ]
        if self._is_mesh(proxy):
            # What is redirected on its way in goes on to the Pod's own; the mesh's other ports are its own affair.
            if front.from_container is None and not self._is_inbound(front):
                return []
            inside = [leg for leg in backs if leg.to_container is not None]
            return [(leg, True) for leg in inside] if front.from_container is None else []
        if len(fronts) < 2 or len(backs) < 2:
            return [(leg, True) for leg in backs]
        mine = legs_.processes(self.snapshot, front, proxy)
        same = [leg for leg in backs if mine & legs_.processes(self.snapshot, leg, proxy)]
        # A server that forks for each connection, as socat does, holds both ends in one process of their own.
        others = [leg for leg in fronts if leg is not front]
        apart = all(not mine & legs_.processes(self.snapshot, leg, proxy) for leg in others)
        return [(leg, True) for leg in same] if same and apart else [(leg, False) for leg in backs]

    def _is_mesh(self, proxy: str) -> bool:
        return self.snapshot.mesh is not None and self.snapshot.mesh.container == proxy

    def _is_inbound(self, leg: Leg) -> bool:
        mesh = self.snapshot.mesh
        return mesh is not None and endpoints.split(leg.to)[1] == mesh.interception.inbound_port

    def _add_quiet(self) -> None:
        """Where a Service leads to a proxy, and nobody is connected at the moment."""
        address = next(iter(self.snapshot.target.ips), "")
        for service in self.snapshot.services:
            for port in service.ports:
                if port.listener != "ok" or port.target_port is None or port.container not in self.proxies:
                    continue
                there = self.into[port.container]
                if not any(
                    endpoints.split(leg.to)[1] == port.target_port for leg in there if leg.kind == "tcp"
                ):
                    to = endpoint(address, port.target_port)
                    there.append(Leg(from_container=None, to_container=port.container, to=to))

    def _path(self, chain: Sequence[Leg], *, certain: bool) -> Path:
        passing = tuple(leg.to_container for leg in chain[:-1] if leg.to_container)
        return Path(
            proxies=passing,
            legs=tuple(chain),
            services=self._services(chain),
            certain=certain,
            price=_price(self.snapshot, self.before, passing, chain[1:]),
        )

    def _services(self, chain: Sequence[Leg]) -> tuple[str, ...]:
        if chain[0].from_container is not None:
            return ()
        # What a mesh redirects on its way in was meant for the port where the next leg ends.
        meant = chain[1] if self._is_mesh(chain[0].to_container or "") else chain[0]
        wanted = endpoints.split(meant.to)[1] if meant.kind == "tcp" else None
        return tuple(
            f"{service.name}:{port.port}"
            for service in self.snapshot.services
            for port in service.ports
            if port.protocol == "tcp" and port.target_port == wanted is not None
        )


def _identity(leg: Leg) -> str:
    return f"{leg.from_container}→{leg.to_container} {leg.to} {leg.original}"


def _outwards(every: Sequence[Leg], name: str) -> list[Leg]:
    """The legs that a container begins, those to the outside that have most connections."""
    inside = [leg for leg in every if leg.from_container == name and leg.to_container is not None]
    outside = [leg for leg in every if leg.from_container == name and leg.to_container is None]
    outside.sort(key=lambda leg: -leg.connections)
    return inside + outside[:_OUTWARDS]


def _price(
    snapshot: Snapshot, before: Snapshot | None, passing: Sequence[str], behind: Sequence[Leg]
) -> Price:
    least = [leg.min_rtt_us for leg in behind if leg.kind == "tcp"]
    now = {container.name: container for container in snapshot.containers}
    then = {container.name: container for container in before.containers} if before else {}
    seconds = (epoch(snapshot.taken_at) or 0) - (epoch(before.taken_at) or 0) if before else 0
    cores = [_cores(now.get(name), then.get(name), seconds) for name in passing]
    memory = [
        group.memory_working_set_bytes
        for name in passing
        if (container := now.get(name)) and (group := container.cgroup)
    ]
    return Price(
        round_trip_us=sum(each for each in least if each) if least and all(least) else None,
        cpu_cores=sum(each for each in cores if each is not None) if None not in cores else None,
        memory_bytes=sum(each for each in memory if each) if memory and None not in memory else None,
    )


def _cores(now: Container | None, then: Container | None, seconds: float) -> float | None:
    if now is None or then is None or now.id != then.id or seconds <= 0 or not now.cgroup or not then.cgroup:
        return None
    used, earlier = now.cgroup.cpu_seconds, then.cgroup.cpu_seconds
    return (
        (used - earlier) / seconds if used is not None and earlier is not None and used >= earlier else None
    )
