"""From declared state and agents' answers to a snapshot. Pure: the same input gives the same snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from podprobe import __version__
from podprobe.agents.inet import decode
from podprobe.analysis.activity import Since, told
from podprobe.analysis.answered import household
from podprobe.analysis.connections import connections, talking
from podprobe.analysis.containers import containers, not_running
from podprobe.analysis.flows import KEPT_WHOLE, flows, group, reduce
from podprobe.analysis.held import Held
from podprobe.analysis.ipc import ipc
from podprobe.analysis.listeners import listeners
from podprobe.analysis.own_probes import probes_waiting, whose_of, without_probes
from podprobe.analysis.owners import owners
from podprobe.analysis.retransmits import RETRANSMITS
from podprobe.analysis.starts import starts
from podprobe.analysis.tally import Tally, count
from podprobe.analysis.times import rfc3339
from podprobe.analysis.trials import with_trials
from podprobe.analysis.unix import KEPT as UNIX_KEPT
from podprobe.analysis.unix import unix_sockets
from podprobe.analysis.volumes import mounts, unmeasured, volumes
from podprobe.model import Counters, Interface, Network, Snapshot, Tool, Visibility

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.analysis.answered import Answered, Household
    from podprobe.model import Dns, Latency, ProbeTrial, ProxyAdmin
    from podprobe.targets.base import PodState

_PORT_RANGE = "net.ipv4.ip_local_port_range"


@dataclass(frozen=True)
class Look:
    """What one look brought in."""

    state: PodState
    answers: Sequence[Answered] = ()
    lead: Answered | None = None
    """The answer that holds what the namespaces share; one of `answers`."""
    visibility: Sequence[Visibility] = ()
    """What the session itself could not see (agents missing or lost)."""
    latency: Sequence[Latency] = ()
    dns: Sequence[Dns] = ()
    """How names are resolved, with what lookups brought."""
    admins: Mapping[str, ProxyAdmin] = field(default_factory=dict)
    """What proxies' administration ports said, by container."""
    trials: Mapping[tuple[str, str], ProbeTrial] = field(default_factory=dict)
    """Of probes that were tried, by container and role."""
    earlier: Tally | None = None
    """What sockets had counted at the look before."""
    own_probes: int = 0
    """TCP connects of the session's own since its look before read the counters, at most."""
    probes_waiting: Mapping[str, int] = field(default_factory=dict)
    """Probes of the session's own that may wait to be accepted, by endpoint, at most."""
    taken_at: float = 0.0
    """Seconds since the epoch."""
    seconds: float = 0.0
    """How long it took."""
    all_connections: bool = False


def assemble(look: Look) -> Snapshot:
    """The snapshot of a look, without channels and findings."""
    return assembled(look)[0]


def assembled(look: Look) -> tuple[Snapshot, Tally | None]:
    """The snapshot of a look, without channels and findings; and what its sockets had counted, for the next one."""
    state = look.state
    people = household(state.containers, look.answers)
    held = Held(state.volumes, look.answers, people)
    seen = containers(state.containers, look.answers, people, runtime=state.target.kind == "pod")
    seen = with_trials(seen, look.trials)
    network, doubts, tally = _network(look, people)
    snapshot = Snapshot(
        tool=Tool(version=__version__),
        taken_at=rfc3339(round(look.taken_at, 3)) or "",
        duration_ms=round(look.seconds * 1000, 1),
        target=state.target,
        visibility=(
            *state.visibility,
            *look.visibility,
            *_notes(look.answers),
            *not_running(seen),
            *doubts,
            *unmeasured(look.answers),
            *held.visibility,
        ),
        containers=seen,
        starts=starts(seen),
        network=network,
        ipc=ipc(look.answers, people, state.containers, state.volumes),
        volumes=volumes(state.volumes, look.answers, held),
        mounts=mounts(state.volumes, look.answers, held),
        latency=tuple(look.latency),
        services=state.services,
        network_policies=state.network_policies,
        dns=tuple(look.dns),
    )
    return snapshot, tally


_TOLD_BY_ANY = {"sysv_sem": "values", "sysv_msg": "max_bytes", "mqueue": "messages"}
"""IPC areas, with what an agent may be refused that another agent, of another user, can read."""


def _notes(answers: Sequence[Answered]) -> list[Visibility]:
    # Where PIDs are shared, these are asked once more for each container; the first process is the Pod's sandbox.
    by_root = {"mounts", "dev_shm", "cgroup", "dns", "walks"} if any(a.container for a in answers) else set()
    known = {area for area, field in _TOLD_BY_ANY.items() if _all_told(answers, area, field)}
    return [
        Visibility(
            area=seen.area, container=answer.container, level=seen.level, reason=seen.reason, allow=seen.allow
        )
        for answer in answers
        if answer.areas.end is not None
        for seen in answer.areas.end.visibility
        if seen.level != "full"
        and not (seen.level == "partial" and seen.area in known)
        and not (answer.container is None and seen.area in by_root)
    ]


def _all_told(answers: Sequence[Answered], area: str, field: str) -> bool:
    """Of every object of an IPC area, some agent could read it all."""
    told: dict[int, bool] = {}
    for answer in answers:
        for item in answer.areas.items[area]:
            key = item.inode if area == "mqueue" else item.id
            told[key] = told.get(key, False) or getattr(item, field) is not None
    return all(told.values())


def _network(look: Look, people: Household) -> tuple[Network, list[Visibility], Tally | None]:
    if look.lead is None:
        return Network(), [], None
    areas = look.lead.areas
    every = decode(areas.inet)
    runtime = look.state.target.kind == "pod"
    whose = owners(
        look.state.containers,
        look.answers,
        people,
        [(socket.inode or 0, socket.cgroup_id) for socket in every],
        runtime=runtime,
        host_network=look.state.target.host_network,
    )
    known = whose_of(whose, look.state.containers, look.answers, people, runtime=runtime)
    sockets, doubts = without_probes(every, known)
    kept_ids = {id(socket) for socket in sockets}
    left_out = [socket for socket in every if id(socket) not in kept_ids]
    interfaces = tuple(Interface(**msgspec.structs.asdict(item)) for item in areas.items["interfaces"])
    own = frozenset(address.partition("/")[0] for interface in interfaces for address in interface.addresses)
    own |= frozenset(look.state.target.ips)
    taken_at = look.lead.areas.end.taken_at if look.lead.areas.end else None
    ends = connections(sockets, whose, own, taken_at)
    grouped = group(ends)
    total = sum(len(members) for members in grouped.values())
    kept, omitted = reduce(grouped, total if look.all_connections else KEPT_WHOLE)
    unix, unix_count = unix_sockets(areas.items["unix"], whose, None if look.all_connections else UNIX_KEPT)
    counters = areas.values.get("counters")
    settings = dict(counters.settings) if counters else {}
    network = Network(
        hostname=counters.hostname if counters else None,
        localhost=counters.localhost if counters else (),
        interfaces=interfaces,
        counters=Counters(values=dict(counters.values), own_probes=look.own_probes)
        if counters
        else Counters(),
        listeners=listeners(
            sockets,
            areas.items["packet"],
            whose,
            look.state.containers,
            probes_waiting(left_out, look.probes_waiting),
        ),
        connections=kept,
        connection_count=total,
        connections_omitted=omitted,
        flows=flows(grouped),
        unix=unix,
        unix_count=unix_count,
        ephemeral_ports=_port_range(settings.get(_PORT_RANGE)),
        settings=settings,
    )
    uid, earlier, at = look.state.target.uid, look.earlier, round(look.taken_at, 3)
    if earlier is not None and not earlier.precedes(uid, at):
        earlier = None
    sums, growth = count(zip(talking(sockets), ends, strict=True), earlier.counters if earlier else None)
    tally = Tally(uid, at, network.counters.values.get(RETRANSMITS), sums)
    since = Since(growth, at - earlier.taken_at if earlier else None, tally.since(earlier))
    return told(network, grouped, since), doubts, tally


def _port_range(text: str | None) -> tuple[int, int] | None:
    numbers = (text or "").split()
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        return None
    return int(numbers[0]), int(numbers[1])
