"""Name resolution from inside the Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.dns import is_trouble, other_type
from podprobe.analysis.policies import leaving
from podprobe.analysis.resolver import MOST_SERVERS
from podprobe.analysis.words import count, listed, micros
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from podprobe.model import Dns, Lookup, Snapshot

_DNS_PORT = 53


@rule(
    "SVC105",
    "warning",
    title="Names are resolved slowly, or not at all",
    when="A lookup from inside the Pod takes {slow_ms} ms or longer, fails, or makes the resolver ask for {queries} "
    "names or more; or the name of a Service that selects the Pod does not exist.",
    measured="resolv.conf of each container; lookups of `kubernetes.default.svc`, of the Services that select the Pod, "
    "and of outside names that the user has asked for, A and AAAA side by side, from inside the Pod and as the "
    "container's C library goes about it; where none is answered, the egress rules of the "
    "NetworkPolicies that select the Pod. Nothing with `--passive`. Silence for 1 s counts as failure.",
    why="Nearly every connection begins with a lookup, and a program waits for it. A C library repeats an unanswered "
    "query after 5 s only: one lost datagram is a request that takes 5 s. A name with fewer dots than `ndots` is "
    "tried with each domain of the search list first, each time for A and AAAA.",
    remedy="Look at the name server that did not answer: whether its Pods run, and whether a NetworkPolicy lets the "
    "Pod reach them on port 53, UDP and TCP. Against a long search list, write outside names with a final dot, or "
    "lower `ndots` by `dnsConfig`.",
    thresholds={
        "slow_ms": Threshold(500, "milliseconds that a lookup takes"),
        "queries": Threshold(4, "names that the search list makes of one that is looked up"),
    },
)
def names(look: Look) -> Iterator[Hit]:
    """Lookups that fail or take long."""
    alike: dict[tuple[str, ...], list[_Trouble]] = {}
    for index, dns in enumerate(look.snapshot.dns):
        if trouble := _trouble(look, index, dns):
            alike.setdefault(trouble.evidence, []).append(trouble)
    for evidence, troubles in alike.items():
        containers = [name for each in troubles for name in each.dns.containers]
        whole = len(troubles) == len(look.snapshot.dns)
        yield Hit(
            subject="DNS" if whole else f"DNS of {listed(containers)}",
            evidence=evidence,
            remedy=troubles[0].remedy,
            pointers=[pointer for each in troubles for pointer in each.pointers],
            containers=() if whole else containers,
        )


class _Trouble(NamedTuple):
    """What is wrong with lookups by the settings of some containers."""

    dns: Dns
    evidence: tuple[str, ...]
    remedy: str
    pointers: list[str]


def _trouble(look: Look, index: int, dns: Dns) -> _Trouble | None:
    failing = [place for place, one in enumerate(dns.lookups) if _fails(look.snapshot, dns, one)]
    slow = [
        place
        for place, one in enumerate(dns.lookups)
        if place not in failing and one.time_us >= look["slow_ms"] * 1000
    ]
    wide = [place for place, one in enumerate(dns.lookups) if one.queries >= look["queries"]]
    if not (failing or slow or wide):
        return None
    return _Trouble(
        dns,
        (
            *_merged(dns, failing, _failure),
            *_merged(dns, slow, _slowness),
            *_search(dns, wide),
            *_settings(dns, failing or slow),
            *_policies(look.snapshot, [dns.lookups[place] for place in failing]),
        ),
        _remedy(look.snapshot, dns, [dns.lookups[place] for place in failing], slow=bool(slow)),
        [f"/dns/{index}/lookups/{place}" for place in dict.fromkeys((*failing, *slow, *wide))],
    )


def _fails(snapshot: Snapshot, dns: Dns, lookup: Lookup) -> bool:
    if is_trouble(lookup):
        return True
    # A name with an address of one type need not have one of the other.
    others = [one for one in dns.lookups if one.name == lookup.name and one.kind == lookup.kind]
    if any(one.outcome == "ok" for one in others) or lookup.outcome == "ok":
        return False
    return lookup.type == "A" and not _expected(snapshot, lookup)


def _expected(snapshot: Snapshot, lookup: Lookup) -> bool:
    """It is no wonder that the name does not exist: a headless Service has its ready Pods for records."""
    if lookup.kind == "outside":
        return True  # the user may have named anything
    service = lookup.name.rpartition(".")[2] if lookup.kind == "own-name" else lookup.name
    return any(
        one.name == service and one.cluster_ip == "None" and one.ready is not True
        for one in snapshot.services
    )


def _merged(dns: Dns, places: Sequence[int], say: Callable[[Lookup], str]) -> Iterator[str]:
    """A sentence for each name; A and AAAA that fared alike share one."""
    said: dict[str, list[str]] = {}
    for place in places:
        said.setdefault(say(dns.lookups[place]), []).append(dns.lookups[place].type)
    for sentence, types in said.items():
        yield sentence.replace("{types}", " and ".join(dict.fromkeys(types)), 1)


_FAILURES = {
    "servfail": "failed: {server} answered SERVFAIL",
    "refused": "failed: {server} refused to answer",
    "timeout": "failed: no name server answered within {time}",
    "unreachable": "failed: no name server could be reached (the port is closed, or there is no route)",
    "truncated": "failed: the answer of {server} did not fit a datagram, and could not be had over TCP",
    "malformed": "failed: {server} answered with something that is no answer to it",
    "error": "failed: {server} answered with an error",
    "nxdomain": "failed: {server} says that the name does not exist",
    "no-data": "failed: the name exists, but has no address",
}


def _failure(lookup: Lookup) -> str:
    server = lookup.server or "the name server"
    if lookup.spoiled_by:
        other = _FAILURES.get(lookup.spoiled_by, "there is no answer").removeprefix("failed: ")
        other = other.format(server=server, time=_rounded(lookup.time_us))
        return (
            f"{lookup.name} has an address ({{types}}), but musl fails the whole name: for "
            f"{other_type(lookup)} {other}. glibc would take what it got."
        )
    what = _FAILURES[lookup.outcome].format(server=server, time=_rounded(lookup.time_us))
    sent = "" if lookup.outcome == "unreachable" else f", after {count(lookup.attempts, 'message')}"
    return f"Looking up {lookup.name} ({{types}}) {what}{sent}."


def _slowness(lookup: Lookup) -> str:
    asked = f"; {count(lookup.queries, 'name')} had to be asked for" if lookup.queries > 1 else ""
    return f"Looking up {lookup.name} ({{types}}) took {_rounded(lookup.time_us)}{asked}."


def _rounded(time_us: int) -> str:
    """To 10 ms: A and AAAA are asked together, and shall not differ by a millisecond."""
    return micros((time_us + 5_000) // 10_000 * 10_000 or time_us)


def _search(dns: Dns, places: Sequence[int]) -> Iterator[str]:
    for name in dict.fromkeys(dns.lookups[place].name for place in places):
        types = [dns.lookups[place] for place in places if dns.lookups[place].name == name]
        names = max(one.queries for one in types)
        yield (
            f"Of {name} the search list ({count(len(dns.search), 'domain')}, ndots {dns.ndots}) makes "
            f"{count(names, 'name')} to ask for, {count(sum(one.queries for one in types), 'query', 'queries')} with A "
            "and AAAA."
        )


def _settings(dns: Dns, places: Sequence[int]) -> Iterator[str]:
    if not places:
        return
    servers = listed(dns.servers[:MOST_SERVERS])
    yield (
        f"resolv.conf names {servers}; without an answer a program waits {dns.timeout_seconds} s before it asks again, "
        f"{count(dns.attempts, 'time')} each."
    )


_UNANSWERED = frozenset({"timeout", "unreachable"})


def _closed(snapshot: Snapshot) -> tuple[str, ...]:
    """The NetworkPolicies that let the Pod go nowhere at port 53; on the host's network they need not bear on it."""
    if snapshot.target.host_network:
        return ()
    allowed, _, names = leaving(snapshot.network_policies, "udp", _DNS_PORT)
    return names if allowed == "none" else ()


def _policies(snapshot: Snapshot, failing: Sequence[Lookup]) -> Iterator[str]:
    """What NetworkPolicies have to do with silence."""
    if snapshot.target.host_network or not any(one.outcome in _UNANSWERED for one in failing):
        return
    allowed, peers, names = leaving(snapshot.network_policies, "udp", _DNS_PORT)
    if not names:
        return
    who = f"{'NetworkPolicy' if len(names) == 1 else 'NetworkPolicies'} {listed(names)}"
    verb = "restricts" if len(names) == 1 else "restrict"
    if allowed == "none":
        yield (
            f"{who} {verb} egress, and no rule allows port 53 over UDP: where policies are enforced, no query gets "
            "out."
        )
    else:
        lets = "lets" if len(names) == 1 else "let"
        at = f"{listed(peers) if allowed == 'some' else 'anyone'} at port 53"
        yield f"{who} {lets} the Pod reach {at} over UDP; whether the name server is among them is not judged."


def _remedy(snapshot: Snapshot, dns: Dns, failing: Sequence[Lookup], *, slow: bool) -> str:
    servers = listed(dns.servers[:MOST_SERVERS]) or "the name server"
    outcomes = {one.outcome for one in failing}
    if outcomes & _UNANSWERED and (closed := _closed(snapshot)):
        return (
            f"Add an egress rule to NetworkPolicy {closed[0]} that allows port 53, UDP and TCP, to {servers} (the Pods "
            "of kube-system with k8s-app=kube-dns, in most clusters)."
        )
    if outcomes & _UNANSWERED:
        return (
            f"Find out why {servers} does not answer: whether the Pods behind it run and are ready (`kubectl get "
            "endpointslices -n kube-system -l kubernetes.io/service-name=kube-dns`), and whether a NetworkPolicy keeps "
            "this Pod from port 53, UDP and TCP."
        )
    if outcomes & {"servfail", "refused", "malformed", "error"}:
        return f"Look at the log of {servers}: it answers, but cannot or will not resolve these names."
    if any(one.spoiled_by for one in failing):
        return (
            f"Have {servers} answer for a type of record that a name lacks without an error (NOERROR, no record), or "
            "run the program on an image with glibc."
        )
    if "truncated" in outcomes:
        return f"Let the Pod reach port 53 of {servers} over TCP, too."
    if failing:
        names = listed(dict.fromkeys(one.name for one in failing))
        return f"Find out why {servers} does not know {names}: whether it serves the cluster's domain."
    if slow:
        return f"Find out why {servers} is slow: its load, its CPU limit, and how far from this node its Pods run."
    return (
        "Write outside names with a final dot (`example.com.`), or set `dnsConfig.options` with `name: ndots` and "
        '`value: "1"` for the Pod, if no program in it counts on the search list for names with dots.'
    )
