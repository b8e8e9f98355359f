"""Where a network namespace listens: what tells servers from clients, and whose an end is that has no owner itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from podprobe.analysis.endpoints import plain
from podprobe.analysis.owners import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podprobe.agents.inet import InetSocket
    from podprobe.analysis.owners import Owners, Possession

_TIME_WAIT_SECONDS = 60.0
"""TCP_TIMEWAIT_LEN: how long the kernel keeps a closed connection, from when both sides have closed."""
_ROUNDING_SECONDS = 2.0
"""When a process was started comes in whole seconds, counted from a start of the machine in whole seconds."""
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not bound to


def listens(s: InetSocket) -> bool:
    """It waits for whoever comes."""
    return s.state == "listen" if s.protocol == "tcp" else s.remote_port == 0


@dataclass(frozen=True)
class Listening:
    """Where it listens, and who does."""

    wildcard: Mapping[tuple[str, int], Possession]
    exact: Mapping[tuple[str, str, int], Possession]

    def find(self, protocol: str, address: str, port: int) -> Possession | None:
        """The owner of the listener that takes connections at this address, if there is one."""
        return self.exact.get((protocol, address, port)) or self.wildcard.get((protocol, port))

    @classmethod
    def of(cls, sockets: Iterable[InetSocket], whose: Owners) -> Self:
        """From all sockets of the namespace."""
        wildcard: dict[tuple[str, int], Possession] = {}
        exact: dict[tuple[str, str, int], Possession] = {}
        for s in sockets:
            if not listens(s):
                continue
            found = whose.of_listener(s.protocol, s.local_port, s.inode, s.cgroup_id, s.uid)
            address = plain(s.local_address)
            if address in _WILDCARDS:
                place = s.protocol, s.local_port
                wildcard[place] = _either(wildcard.get(place), found)
            else:
                spot = s.protocol, address, s.local_port
                exact[spot] = _either(exact.get(spot), found)
        return cls(wildcard, exact)


def was_there(listener: Possession, s: InetSocket, taken_at: float | None) -> bool:
    """Who listens now did so, as far as can be told, when a connection that is in TIME_WAIT was closed."""
    if s.state != "time-wait":
        return True
    if taken_at is None or s.timer_ms is None or listener.since is None:
        return False
    closed_at = taken_at - _TIME_WAIT_SECONDS + s.timer_ms / 1000
    return listener.since + _ROUNDING_SECONDS <= closed_at


def _either(one: Possession | None, other: Possession) -> Possession:
    """Of two listeners at one place (SO_REUSEPORT, or one each for IPv4 and IPv6): of different containers, neither."""
    if one is None:
        return other
    if one.container != other.container:
        return NOBODY
    return one if one.since is None or (other.since is not None and one.since > other.since) else other
