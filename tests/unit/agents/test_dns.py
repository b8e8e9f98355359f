"""The stub resolver against an agent that answers what it is told to: messages made and read by dnspython."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents.answers import ExchangeAnswer, Reply
from podprobe.agents.dns import OutOfTimeError, Stub
from podprobe.model import Dns, Lookup

Say = Callable[[dns.message.Message, str], bytes | None]
"""What a server says to a question, or that it is silent."""


def respond(query: dns.message.Message, *, rcode: int = dns.rcode.NOERROR, address: str = "") -> bytes:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.Rcode(rcode))
    question = query.question[0]
    if address:
        response.answer.append(dns.rrset.from_text(question.name, 30, "IN", question.rdtype, address))
    return response.to_wire()


@dataclass
class Servers:
    """Stands for an agent: hands each question to what plays the server, in the order of the sendings."""

    say: Say
    seconds: float = 0.001
    asked: list[tuple[str, str]] = field(default_factory=list)
    tcp: Say | None = None
    refused: Sequence[str] = ()

    def __call__(
        self,
        servers: Sequence[str],
        payloads: Sequence[bytes],
        sends: Sequence[tuple[float, int]],
        *,
        seconds: float,
        tcp: bool = False,
    ) -> ExchangeAnswer:
        replies = []
        sent = [0] * len(payloads)
        for number, payload in enumerate(payloads):
            query = dns.message.from_wire(payload)
            for after, place in sends:
                if servers[place] in self.refused:
                    continue
                sent[number] += 1
                self.asked.append((query.question[0].to_text().split()[0].rstrip("."), servers[place]))
                said = (self.tcp if tcp and self.tcp else self.say)(query, servers[place])
                if said is not None:
                    time_us = int((after + self.seconds) * 1e6)
                    replies.append(Reply(payload=number, server=place, time_us=time_us, data=said))
                    break
        errors = dict.fromkeys(self.refused, "ECONNREFUSED")
        return ExchangeAnswer(replies=tuple(replies), errors=errors, sent=tuple(sent))


def wanted(query: dns.message.Message) -> str:
    return query.question[0].rdtype.name


def name_of(query: dns.message.Message) -> str:
    return query.question[0].name.to_text(omit_final_dot=True)


def look_up(carrier: Any, *candidates: str, seconds: float = 30.0, **settings: Any) -> dict[str, Lookup]:
    settings = {"containers": ("web",), "servers": ("10.0.0.1",), **settings}
    stub = Stub(carrier, Dns(**settings), time.monotonic() + seconds)
    found = stub.lookup("db", "own-service", candidates or ("db.cluster.local",))
    return {each.type: each for each in found}


def test_a_name_that_is_found_at_once() -> None:
    servers = Servers(lambda query, _: respond(query, address="10.0.0.7" if wanted(query) == "A" else ""))
    found = look_up(servers)
    assert found["A"].outcome == "ok"
    assert found["A"].addresses == ("10.0.0.7",)
    assert found["A"].server == "10.0.0.1"
    assert (found["A"].queries, found["A"].attempts) == (1, 1)
    assert found["A"].time_us == 1000
    assert found["AAAA"].outcome == "no-data"


def test_the_search_list_is_walked_until_the_name_is_found_and_its_time_adds_up() -> None:
    def say(query: dns.message.Message, _: str) -> bytes:
        if name_of(query) == "db.three":
            return respond(query, address="10.0.0.7" if wanted(query) == "A" else "")
        return respond(query, rcode=dns.rcode.NXDOMAIN)

    servers = Servers(say)
    found = look_up(servers, "db.one", "db.two", "db.three", "db")
    assert found["A"].answered_as == "db.three"
    assert found["A"].queries == 3
    assert found["A"].time_us == 3000
    assert [name for name, _ in servers.asked[::2]] == ["db.one", "db.two", "db.three"]


@pytest.mark.parametrize(("library", "asked"), [("glibc", 3), ("musl", 1)])
def test_after_no_data_glibc_goes_on_and_musl_stops(library: Any, asked: int) -> None:
    found = look_up(Servers(lambda query, _: respond(query)), "a", "b", "c", library=library)
    assert found["A"].outcome == "no-data"
    assert found["A"].queries == asked


@pytest.mark.parametrize(
    ("library", "rcode", "asked", "spoiled"),
    [
        ("glibc", dns.rcode.NXDOMAIN, 1, None),
        ("glibc", dns.rcode.SERVFAIL, 1, None),
        # Observed of musl 1.2.3: -2 after all three names, and -3 at once.
        ("musl", dns.rcode.NXDOMAIN, 3, "nxdomain"),
        ("musl", dns.rcode.SERVFAIL, 1, "servfail"),
        ("musl", dns.rcode.REFUSED, 1, "refused"),
        ("musl", dns.rcode.NOERROR, 1, None),
    ],
)
def test_an_error_for_the_other_type_fails_the_name_with_musl(
    library: Any, rcode: int, asked: int, spoiled: str | None
) -> None:
    def say(query: dns.message.Message, _: str) -> bytes:
        return respond(query, address="10.0.0.7") if wanted(query) == "A" else respond(query, rcode=rcode)

    found = look_up(Servers(say), "a", "b", "c", library=library)
    assert (found["A"].outcome, found["A"].queries, found["A"].spoiled_by) == ("ok", asked, spoiled)
    assert found["AAAA"].spoiled_by is None


@pytest.mark.parametrize(("library", "asked"), [("glibc", 3), ("musl", 1)])
def test_after_servfail_the_next_server_is_asked_and_then_glibc_goes_on(library: Any, asked: int) -> None:
    servers = Servers(lambda query, _: respond(query, rcode=dns.rcode.SERVFAIL))
    found = look_up(servers, "a", "b", "c", servers=("10.0.0.1", "10.0.0.2"), attempts=1, library=library)
    assert found["A"].outcome == "servfail"
    assert found["A"].queries == asked
    assert {server for _, server in servers.asked} == {"10.0.0.1", "10.0.0.2"}


def test_the_second_server_knows_what_the_first_one_refuses_to_say() -> None:
    def say(query: dns.message.Message, server: str) -> bytes:
        refuses = server == "10.0.0.1"
        return (
            respond(query, rcode=dns.rcode.REFUSED)
            if refuses
            else respond(query, address="10.0.0.7" if wanted(query) == "A" else "::7")
        )

    found = look_up(Servers(say), servers=("10.0.0.1", "10.0.0.2"))
    assert (found["A"].outcome, found["A"].server) == ("ok", "10.0.0.2")
    assert (found["AAAA"].outcome, found["AAAA"].addresses) == ("ok", ("::7",))
    assert found["A"].attempts == 2


def test_refused_by_all() -> None:
    found = look_up(Servers(lambda query, _: respond(query, rcode=dns.rcode.REFUSED)), "a", "b")
    assert found["A"].outcome == "refused"
    assert found["A"].queries == 1, "the resolver gives up"


def test_silence_is_a_time_out_and_the_name_is_not_tried_further() -> None:
    found = look_up(Servers(lambda *_: None), "a", "b")
    assert found["A"].outcome == "timeout"
    assert found["A"].attempts == 2
    assert found["A"].time_us == 1_000_000
    assert found["A"].queries == 1
    assert found["A"].server is None


def test_silence_of_one_type_alone() -> None:
    servers = Servers(lambda query, _: respond(query, address="10.0.0.7") if wanted(query) == "A" else None)
    found = look_up(servers)
    assert found["A"].outcome == "ok"
    assert found["AAAA"].outcome == "timeout"


def test_a_message_lost_once_shows_in_the_time() -> None:
    told: deque[None] = deque([None, None])

    def say(query: dns.message.Message, _: str) -> bytes | None:
        if wanted(query) == "A" and told:
            told.pop()
            return None if len(told) == 1 else respond(query, address="10.0.0.7")
        return respond(query, address="10.0.0.7" if wanted(query) == "A" else "")

    found = look_up(Servers(say))
    assert found["A"].outcome == "ok"
    assert found["A"].attempts == 2
    assert found["A"].time_us > 500_000


def test_no_way_to_the_server() -> None:
    found = look_up(Servers(lambda *_: None, refused=("10.0.0.1",)))
    assert found["A"].outcome == "unreachable"
    assert found["A"].time_us == 0


def test_what_does_not_fit_a_datagram_is_asked_for_over_tcp() -> None:
    def cut(query: dns.message.Message, _: str) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    whole = Servers(
        cut, tcp=lambda query, _: respond(query, address="10.0.0.7" if wanted(query) == "A" else "::7")
    )
    assert look_up(whole)["A"].outcome == "ok"
    assert look_up(whole)["A"].attempts == 2
    mute = Servers(cut, tcp=lambda *_: None)
    assert look_up(mute)["A"].outcome == "truncated"


def test_an_answer_to_another_question_is_none() -> None:
    def other(query: dns.message.Message, _: str) -> bytes:
        response = dns.message.make_response(dns.message.make_query("other.example.", "A", id=query.id))
        return response.to_wire()

    assert look_up(Servers(other))["A"].outcome == "malformed"


def test_addresses_of_another_class_are_none() -> None:
    """What the fuzzer found: of a class that dnspython does not know, an A record has no address."""

    def other(query: dns.message.Message, _: str) -> bytes:
        if query.question[0].rdtype != dns.rdatatype.A:
            return respond(query)
        wire = bytearray(respond(query, address="10.0.0.1"))
        at = wire.rindex(b"\x00\x01\x00\x01\x00\x00\x00\x1e")
        wire[at + 3] = 85
        return bytes(wire)

    assert look_up(Servers(other))["A"].outcome == "no-data"


@given(st.binary(max_size=600))
def test_rubbish_is_malformed_and_nothing_worse(rubbish: bytes) -> None:
    found = look_up(Servers(lambda query, _: query.to_wire()[:2] + rubbish))
    assert found["A"].outcome == "malformed"


def test_musl_asks_all_servers_at_once_and_glibc_one_after_the_other() -> None:
    seen: list[Sequence[tuple[float, int]]] = []

    def carrier(servers: Any, payloads: Any, sends: Any, **_: Any) -> ExchangeAnswer:
        seen.append(sends)
        return ExchangeAnswer(sent=(len(sends),) * len(payloads))

    for library in ("musl", "glibc"):
        look_up(carrier, servers=("10.0.0.1", "10.0.0.2"), library=library)
    assert seen == [[(0.0, 0), (0.0, 1), (0.5, 0), (0.5, 1)], [(0.0, 0), (0.5, 1), (1.0, 0), (1.5, 1)]]


def test_options_of_glibc() -> None:
    servers = Servers(lambda query, _: respond(query, address="10.0.0.7"))
    assert set(look_up(servers, options=("no-aaaa",))) == {"A"}
    seen: list[bool] = []

    def carrier(servers: Any, payloads: Any, sends: Any, *, tcp: bool = False, **_: Any) -> ExchangeAnswer:
        seen.extend([tcp, dns.message.from_wire(payloads[0]).edns == 0])
        return ExchangeAnswer(sent=(1, 1))

    look_up(carrier, options=("use-vc", "edns0"))
    assert seen == [True, True]


def test_without_time_nothing_is_said() -> None:
    with pytest.raises(OutOfTimeError):
        look_up(Servers(lambda *_: None), seconds=0.5)
    with pytest.raises(OutOfTimeError):
        look_up(Servers(lambda query, _: respond(query)), seconds=0.0)


def test_a_search_list_that_makes_no_name_of_it_is_left_out() -> None:
    servers = Servers(lambda query, _: respond(query, address="10.0.0.7" if wanted(query) == "A" else ""))
    found = look_up(servers, "db." + "x" * 64, "db..b", "db.cluster.local")
    assert found["A"].queries == 1
    assert found["A"].answered_as == "db.cluster.local"
