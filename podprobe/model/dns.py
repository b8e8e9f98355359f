"""How the Pod's containers resolve names, and what lookups from inside the Pod brought."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Model

LookupKind = Literal["own-service", "own-name", "cluster", "outside"]
Outcome = Literal[
    "ok",
    "no-data",
    "nxdomain",
    "servfail",
    "refused",
    "timeout",
    "unreachable",
    "truncated",
    "malformed",
    "error",
]


class Lookup(Model, frozen=True, kw_only=True):
    """One name looked up for one type of record, as the container's resolver would go about it."""

    name: str
    """As a program would give it: `mc3`, `kubernetes.default.svc`."""
    kind: LookupKind
    """A Service that selects the Pod, the Pod's own `HOSTNAME.SUBDOMAIN`, a name that every cluster has, or one that
    the user asked for."""
    type: Literal["A", "AAAA"]
    outcome: Outcome
    """`no-data`: the name exists, without a record of this type. `truncated`: the answer did not fit a datagram, and
    could not be had over TCP. `error`: another response code."""
    spoiled_by: Outcome | None = None
    """Of an answer that is `ok` in itself: what came of the other type of record, because of which musl's getaddrinfo()
    fails the whole name. glibc takes what it got."""
    answered_as: str | None = None
    """The name that the search list made of it, and that was answered last."""
    addresses: tuple[str, ...] = ()
    """The first few."""
    queries: int
    """Names that were asked for: what the search list and `ndots` make of the one."""
    attempts: int
    """Messages sent, repeated ones included."""
    server: str | None = None
    """That answered last; `None` where none did."""
    time_us: int
    """From the first message to the last answer, all queries together; with `timeout`, how long was waited."""


class Dns(Model, frozen=True, kw_only=True):
    """One way in which names are resolved in the Pod, and the containers that have it."""

    containers: tuple[str, ...]
    servers: tuple[str, ...] = ()
    """`nameserver` of resolv.conf, in order. The C libraries ask the first three."""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """As written."""
    ndots: int = 1
    """As it takes effect: a name with fewer dots is tried with the search list first."""
    timeout_seconds: int = 5
    """How long a program waits for an answer before it asks again."""
    attempts: int = 2
    hosts_order: tuple[str, ...] | None = None
    """Sources of host names in nsswitch.conf (`files`, `dns`)."""
    library: Literal["glibc", "musl"] | None = None
    """C library of the containers, by their dynamic loader; `None` where they have none (static programs)."""
    outside_queries: int = 1
    """Names that are asked for, each for A and AAAA, until one like `example.com` is found. Reckoned, not asked."""
    lookups: tuple[Lookup, ...] = ()
