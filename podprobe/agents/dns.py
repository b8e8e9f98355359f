"""A stub resolver whose datagrams an agent carries: it asks as a C library in the Pod would, and times it.

Messages are built and read here, by a DNS library; the agent sees bytes. What comes back is untrusted, both what the
agent says and what a name server said to it.

It is quicker to give up than a C library: a program waits 5 s for an answer before it asks again, this waits half a
second. An answer that is late, but comes within the second that all takes, still counts, and shows how late it was.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from podprobe.model import Lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.agents.answers import ExchangeAnswer
    from podprobe.model import Dns, LookupKind, Outcome

RecordType = Literal["A", "AAAA"]

STEP_SECONDS = 0.5
"""After which a message without an answer is sent again, or to the next server."""
LEAST_SECONDS = 1.0
"""How long an answer is waited for at least."""
_LEAST_ROOM_SECONDS = 0.05
MOST_ATTEMPTS = 2
MOST_SERVERS = 3
_MOST_ADDRESSES = 8

_REJECTED: dict[int, Outcome] = {
    dns.rcode.SERVFAIL: "servfail",
    dns.rcode.NOTIMP: "error",
    dns.rcode.REFUSED: "refused",
}
"""Response codes after which a resolver asks the next server."""


class OutOfTimeError(Exception):
    """The time for all lookups was over before an answer could be expected: that says nothing of the name server."""


class Carrier(Protocol):
    """`Agent.exchange`, its `root_pid` given."""

    def __call__(
        self,
        servers: Sequence[str],
        payloads: Sequence[bytes],
        sends: Sequence[tuple[float, int]],
        *,
        seconds: float,
        tcp: bool = False,
    ) -> ExchangeAnswer:
        """Carry messages to name servers, and back what they answer."""


@dataclass(frozen=True)
class _Answer:
    """What came of one question."""

    outcome: Outcome
    time_us: int
    attempts: int
    server: str | None = None
    addresses: tuple[str, ...] = ()


class Stub:
    """Looks names up with one container's settings.

    Args:
        carry: brings messages to name servers.
        settings: of the container; its servers must not be empty.
        deadline: on the clock of `time.monotonic`, when all has to be over.
    """

    def __init__(self, carry: Carrier, settings: Dns, deadline: float) -> None:
        self._carry = carry
        self._servers = settings.servers[:MOST_SERVERS]
        self._musl = settings.library == "musl"
        self._attempts = min(settings.attempts, MOST_ATTEMPTS)
        self._edns = "edns0" in settings.options
        self._tcp = "use-vc" in settings.options and not self._musl
        self._types: tuple[RecordType, ...] = ("A", "AAAA")
        if "no-aaaa" in settings.options and not self._musl:
            self._types = ("A",)
        self._deadline = deadline

    def lookup(self, name: str, kind: LookupKind, candidates: Iterable[str]) -> tuple[Lookup, ...]:
        """Look one name up, A and AAAA side by side.

        Args:
            name: as a program would give it.
            kind: what kind of name it is.
            candidates: the names to ask for, until one is found.

        Raises:
            AgentError: the agent did not carry the messages.
            OutOfTimeError: the deadline came first.
        """
        told: dict[RecordType, list[_Answer]] = {each: [] for each in self._types}
        found = dict.fromkeys(self._types, "")
        before_us = 0
        elapsed: dict[RecordType, int] = {}
        for candidate in candidates:
            answers = self._ask(candidate)
            for each, answer in answers.items():
                told[each].append(answer)
                found[each] = candidate
                elapsed[each] = before_us + answer.time_us
            before_us += max((answer.time_us for answer in answers.values()), default=0)
            if answers and not self._goes_on([answer.outcome for answer in answers.values()]):
                break
        spoiled = self._spoiling([answers[-1].outcome for answers in told.values() if answers])
        return tuple(
            _lookup(name, kind, each, found[each], answers, elapsed[each], spoiled)
            for each, answers in told.items()
            if answers
        )

    def _goes_on(self, outcomes: Sequence[Outcome]) -> bool:
        """The resolver tries the next name of the search list.

        glibc does so after a name without records, and after SERVFAIL, unless it got an address. musl goes by the first
        answer that is none, A before AAAA, whatever the other says, and goes on only where that is NXDOMAIN
        (`name_from_dns` in lookup_name.c).
        """
        if self._musl:
            return self._spoiling(outcomes) == "nxdomain"
        return "ok" not in outcomes and all(
            outcome in {"nxdomain", "no-data", "servfail"} for outcome in outcomes
        )

    def _spoiling(self, outcomes: Sequence[Outcome]) -> Outcome | None:
        """The answer by which musl fails a name as a whole."""
        bad = (outcome for outcome in outcomes if outcome not in {"ok", "no-data"})
        return next(bad, None) if self._musl else None

    def _ask(self, name: str) -> dict[RecordType, _Answer]:
        """All types of one name at once, as both libraries do."""
        try:
            pending = self._questions(name)
        except dns.exception.DNSException:
            return {}  # the search list makes something of it that is no name; libraries leave it out, too
        order = [place for _ in range(self._attempts) for place in range(len(self._servers))]
        answers: dict[RecordType, _Answer] = {}
        spent_us = 0
        attempts = dict.fromkeys(pending, 0)
        while pending and order:
            sends = self._schedule(order)
            room = self._deadline - time.monotonic()
            if room < _LEAST_ROOM_SECONDS:
                raise OutOfTimeError
            seconds = min(max(LEAST_SECONDS, STEP_SECONDS * len(sends)), room)
            types = list(pending)
            got = self._carry(
                self._servers,
                [pending[each].to_wire() for each in types],
                sends,
                seconds=seconds,
                tcp=self._tcp,
            )
            for each, count in zip(types, got.sent, strict=False):
                attempts[each] += count
            rejected: list[int] = []
            for reply in got.replies:
                each = types[reply.payload]
                server = self._servers[reply.server]
                answer = self._read(
                    pending[each], reply.data, server, spent_us + reply.time_us, attempts[each]
                )
                answers[each] = answer
                if answer.outcome in ("servfail", "refused", "error", "malformed"):
                    rejected.append(reply.server)
                else:
                    del pending[each]
            silent = [
                each for number, each in enumerate(types) if number not in {r.payload for r in got.replies}
            ]
            reachable = not _unreachable(got, self._servers)
            if silent and reachable and seconds < LEAST_SECONDS:
                raise OutOfTimeError
            for each in silent:
                waited = spent_us + (int(seconds * 1e6) if reachable else 0)
                answers[each] = _Answer("timeout" if reachable else "unreachable", waited, attempts[each])
                del pending[each]
            spent_us = max([spent_us, *(answer.time_us for answer in answers.values())])
            order = order[
                1 + max((order.index(place) for place in rejected if place in order), default=len(order)) :
            ]
        return {each: answers[each] for each in self._types if each in answers}

    def _questions(self, name: str) -> dict[RecordType, dns.message.QueryMessage]:
        first = secrets.randbelow(0xFFFF)
        questions: dict[RecordType, dns.message.QueryMessage] = {}
        for number, each in enumerate(self._types):
            query = dns.message.make_query(f"{name}.", each, id=(first + number) & 0xFFFF)
            if self._edns:
                query.use_edns(0, payload=1232)
            questions[each] = query
        return questions

    def _schedule(self, order: Sequence[int]) -> list[tuple[float, int]]:
        """When which server is asked: glibc asks one after the other, musl all at once."""
        together = len(self._servers) if self._musl else 1
        return [(number // together * STEP_SECONDS, place) for number, place in enumerate(order)]

    def _read(
        self, query: dns.message.QueryMessage, data: bytes, server: str, time_us: int, attempts: int
    ) -> _Answer:
        outcome, addresses, truncated = _parse(query, data)
        if truncated and not self._tcp:
            return self._over_tcp(query, server, time_us, attempts)
        return _Answer(outcome, time_us, attempts, server, addresses)

    def _over_tcp(
        self, query: dns.message.QueryMessage, server: str, before_us: int, attempts: int
    ) -> _Answer:
        """The whole of an answer that did not fit a datagram."""
        room = max(_LEAST_ROOM_SECONDS, min(LEAST_SECONDS, self._deadline - time.monotonic()))
        got = self._carry([server], [query.to_wire()], [(0.0, 0)], seconds=room, tcp=True)
        if not got.replies:
            return _Answer("truncated", before_us, attempts + 1, server)
        reply = got.replies[0]
        outcome, addresses, _ = _parse(query, reply.data)
        return _Answer(outcome, before_us + reply.time_us, attempts + 1, server, addresses)


def _parse(query: dns.message.QueryMessage, data: bytes) -> tuple[Outcome, tuple[str, ...], bool]:
    """What a message says in answer to a question, its addresses, and whether it was cut short."""
    try:
        message = dns.message.from_wire(data, raise_on_truncation=False, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return "malformed", (), False
    if not query.is_response(message):
        return "malformed", (), False
    if message.flags & dns.flags.TC:
        return "truncated", (), True
    code = message.rcode()
    if code in _REJECTED:
        return _REJECTED[code], (), False
    if code == dns.rcode.NXDOMAIN:
        return "nxdomain", (), False
    if code != dns.rcode.NOERROR:
        return "error", (), False
    wanted = query.question[0]
    addresses = tuple(
        str(record.address)
        for rrset in message.answer
        # Of another class than was asked for, the same type may be something else altogether.
        if (rrset.rdtype, rrset.rdclass) == (wanted.rdtype, wanted.rdclass)
        for record in rrset
    )
    return ("ok" if addresses else "no-data"), addresses[:_MOST_ADDRESSES], False


def _unreachable(got: ExchangeAnswer, servers: Sequence[str]) -> bool:
    """Not one of the servers could be sent to; a time-out of a connection is silence."""
    return all(got.errors.get(server, "ETIMEDOUT") != "ETIMEDOUT" for server in servers)


_GRAVEST: Mapping[Outcome, int] = {"no-data": 1, "servfail": 2}
"""Among the outcomes after which a resolver goes on, the ones that it tells of rather than that nothing was found."""


def _lookup(
    name: str,
    kind: LookupKind,
    record: RecordType,
    found: str,
    answers: Sequence[_Answer],
    time_us: int,
    spoiled: Outcome | None,
) -> Lookup:
    last = answers[-1]
    outcome = last.outcome
    if outcome in ("nxdomain", "no-data", "servfail"):
        outcome = max((each.outcome for each in answers), key=lambda each: _GRAVEST.get(each, 0))
    return Lookup(
        name=name,
        kind=kind,
        type=record,
        outcome=outcome,
        spoiled_by=spoiled if outcome == "ok" else None,
        answered_as=found or None,
        addresses=last.addresses,
        queries=len(answers),
        attempts=sum(each.attempts for each in answers),
        server=last.server,
        time_us=time_us,
    )
