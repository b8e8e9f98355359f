"""Which sockets are podprobe's probes, to be left out: they mark themselves by the address that they come from.

Any program in the Pod may use that address too (`podprobe_agent.protocol.PROBE_SOURCE`), so it alone says little. Left
out are connections whose marked end no container has: an agent has it, or, once it is closed (TIME_WAIT), nobody. A
listener is never left out, nor what a listener at that address has taken.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis import evidence
from podprobe.analysis.endpoints import endpoint, plain
from podprobe.model import Visibility
from podprobe_agent.protocol import PROBE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import TypeAlias

    from podprobe.agents.inet import InetSocket
    from podprobe.analysis.answered import Answered, Household
    from podprobe.analysis.owners import Owners
    from podprobe.model import Container

    Ends: TypeAlias = tuple[int, str, int]
    """The marked end's port, and the other end's address and port."""

_ANY = frozenset({"0.0.0.0", "::", PROBE_SOURCE})  # noqa: S104  # compared with, not bound to


class Whose(NamedTuple):
    """What tells a container's sockets from an agent's."""

    owners: Owners
    groups: bool
    """A control group tells a container: a runtime made one for each, and another for each agent."""
    all_seen: bool
    """Every open file of every container was seen: what none of them has is an agent's."""


def whose_of(
    whose: Owners,
    containers: Sequence[Container],
    answers: Sequence[Answered],
    people: Household,
    *,
    runtime: bool,
) -> Whose:
    """Gather it; `runtime`: a container runtime made the containers."""
    running = [container for container in containers if container.state == "running"]
    seen = evidence.fully_seen(running, answers, people)
    return Whose(whose, runtime, {container.name for container in running} <= seen)


def without_probes(sockets: Sequence[InetSocket], whose: Whose) -> tuple[list[InetSocket], list[Visibility]]:
    """The sockets that are the Pod's, and a word about those left out of which it is not certain that they are not."""
    listening = {s.local_port for s in sockets if s.state == "listen" and plain(s.local_address) in _ANY}
    there = {s.local_port for s in sockets if s.state == "listen"}
    probed = [_ends(s, listening) for s in sockets]
    if not any(probed):
        return list(sockets), []
    marked = {ends: s for s, ends in zip(sockets, probed, strict=True) if ends and _is_marked(s, ends)}
    kept = []
    doubtful = set()
    for s, ends in zip(sockets, probed, strict=True):
        if ends is None:
            kept.append(s)
            continue
        port, _, other_port = ends
        end = marked.get(ends)
        if port in listening and other_port not in there:
            kept.append(s)  # the marked end is the server's
        elif end is not None and _is_containers(end, whose):
            kept.append(s)
        elif end is not None and end.inode is not None and not whose.all_seen:
            doubtful.add(ends)
    return kept, [_note(len(doubtful))] if doubtful else []


def probes_waiting(left_out: Iterable[InetSocket], unmarked: Mapping[str, int]) -> dict[str, int]:
    """Probes that wait to be accepted, by the endpoint that they went to.

    Args:
        left_out: sockets that are podprobe's probes. A connection in an accept queue has no inode: no process has it
            yet.
        unmarked: those which a session knows of that went to endpoints where they cannot be told by their address,
            at most.
    """
    found = Counter(
        endpoint(plain(s.local_address), s.local_port)
        for s in left_out
        if s.inode is None
        and s.state in {"established", "close-wait"}
        and plain(s.remote_address) == PROBE_SOURCE
    )
    return {**{to: number for to, number in unmarked.items() if not to.startswith("127.")}, **found}


def _ends(s: InetSocket, listening: AbstractSet[int]) -> Ends | None:
    """Of a TCP connection that has the probes' address at one end; `None` of any other socket."""
    if s.protocol != "tcp" or s.state == "listen":
        return None
    local, remote = plain(s.local_address), plain(s.remote_address)
    # A probe to a listener at that very address has it at both ends.
    if local == PROBE_SOURCE and not (remote == PROBE_SOURCE and s.local_port in listening):
        return s.local_port, remote, s.remote_port
    if remote == PROBE_SOURCE:
        return s.remote_port, local, s.local_port
    return None


def _is_marked(s: InetSocket, ends: Ends) -> bool:
    local = plain(s.local_address), s.local_port
    return local == (PROBE_SOURCE, ends[0]) and (plain(s.remote_address), s.remote_port) == ends[1:]


def _is_containers(s: InetSocket, whose: Whose) -> bool:
    if s.inode is None:
        return False
    held = s.inode in whose.owners.by_inode or s.inode in whose.owners.shared
    return held or (whose.groups and s.cgroup_id in whose.owners.by_cgroup)


def _note(count: int) -> Visibility:
    many = "a connection" if count == 1 else f"{count} connections"
    return Visibility(
        area="connections",
        container=None,
        level="partial",
        reason=f"{many} from {PROBE_SOURCE}, where podprobe's probes come from, left out: not every open file could "
        "be seen, so it may be a container's",
    )
