"""What the resolvers of C libraries make of their settings and of a name.

glibc's and musl's differ in what a search list is for, and in when they stop. Both look up A and AAAA side by side.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from podprobe.model import Dns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podprobe.agents.answers import DnsValue
    from podprobe.analysis.answered import Answered

MOST_SERVERS = 3
"""MAXNS of both libraries: further name servers are never asked."""
_OUTSIDE = "example.com"
_SERVICES_DOMAIN = re.compile(r"(?:^|\.)svc\.(?P<cluster>.+?)\.?$")

_DEFAULT_HOSTS = ("files", "dns")
"""Where nsswitch.conf says nothing, and what Debian, Alpine and Red Hat say in their images."""

_LIMITS = {
    # option: default, least, most with glibc, most with musl
    "ndots": (1, 0, 15, 15),
    "timeout": (5, 1, 30, 60),
    "attempts": (2, 1, 5, 10),
}


def group(settings: Iterable[tuple[str, DnsValue]]) -> tuple[Dns, ...]:
    """The settings of containers, those by which names are resolved alike together.

    A container without a dynamic loader is taken for one with glibc's order: what else its programs do is not known.
    """
    groups: dict[DnsValue, list[tuple[str, DnsValue]]] = {}
    for container, value in settings:
        alike = msgspec.structs.replace(
            value, library=value.library or "glibc", hosts=value.hosts or _DEFAULT_HOSTS
        )
        groups.setdefault(alike, []).append((container, value))
    return tuple(
        # What is told is what one of them has, and no guess.
        _resolver(
            next((value for _, value in those if value.library), those[0][1]), [name for name, _ in those]
        )
        for those in groups.values()
    )


def settings(answers: Sequence[Answered]) -> Iterator[tuple[str, DnsValue]]:
    """What each container's agent said of them."""
    for answer in answers:
        value = answer.areas.values.get("dns")
        # Where containers share their processes, the first one of all is the Pod's sandbox: no program resolves there.
        if value is not None and answer.container is not None:
            yield answer.container, value


def _resolver(value: DnsValue, containers: Sequence[str]) -> Dns:
    musl = value.library == "musl"
    made = Dns(
        containers=tuple(containers),
        servers=value.servers,
        search=value.search,
        options=value.options,
        ndots=effective(value.options, "ndots", musl=musl),
        timeout_seconds=effective(value.options, "timeout", musl=musl),
        attempts=effective(value.options, "attempts", musl=musl),
        hosts_order=value.hosts,
        library=value.library,
    )
    return msgspec.structs.replace(made, outside_queries=len(candidates(made, _OUTSIDE)))


def effective(options: Iterable[str], name: str, *, musl: bool) -> int:
    """A number among the options, within the library's limits; the last one counts."""
    value, least, most_glibc, most_musl = _LIMITS[name]
    for option in options:
        key, _, number = option.partition(":")
        if key == name and number.isascii() and number.isdigit():
            value = int(number[:9])
    return min(max(value, least), most_musl if musl else most_glibc)


def candidates(dns: Dns, name: str) -> tuple[str, ...]:
    """The names that are asked for, one after the other, until there is an answer; without the final dot.

    With `ndots` dots or more glibc asks for the name as it is and then falls back to the search list; musl never does.
    """
    if name.endswith("."):
        return (name.rstrip("."),)
    bare = name.count(".") >= dns.ndots
    searched = tuple(f"{name}.{domain.strip('.')}".rstrip(".") for domain in dns.search)
    if bare:
        return (name,) if dns.library == "musl" else tuple(dict.fromkeys((name, *searched)))
    return tuple(dict.fromkeys((*searched, name)))


def cluster_domain(dns: Dns) -> str | None:
    """`cluster.local`, as far as the search list tells it: the kubelet writes `svc.cluster.local` there.

    Without it the name servers are not the cluster's, and know nothing of its names.
    """
    for domain in dns.search:
        if found := _SERVICES_DOMAIN.search(domain.lower()):
            return found["cluster"]
    return None


def within(names: Iterable[str], domain: str) -> tuple[str, ...]:
    """Those of the names that a cluster's own name server answers by itself: it asks nobody outside for them."""
    return tuple(name for name in names if name.lower().endswith(f".{domain.lower()}"))
