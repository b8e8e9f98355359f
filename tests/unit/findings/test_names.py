"""SVC105, and the places where name resolution is shown."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from podprobe.model import Dns, Lookup, NetworkPolicy, PolicyPort, PolicyRule, Service, Snapshot
from podprobe.report import render
from tests.support.changes import codes, only
from tests.support.samples import healthy_pod, lookup, resolver, troubled_pod

ASKED, NONE, OWN, _ = resolver().lookups


def resolved(*lookups: Lookup, **more: Any) -> Snapshot:
    return replace(healthy_pod(), dns=(resolver(lookups=lookups, **more),))


def with_resolvers(*found: Dns) -> Snapshot:
    return replace(healthy_pod(), dns=found)


def test_what_is_well_is_not_spoken_of() -> None:
    assert codes(healthy_pod()) == []
    assert codes(resolved()) == []
    assert codes(with_resolvers()) == []


def test_a_silent_name_server() -> None:
    silent = replace(OWN, outcome="timeout", addresses=(), server=None, attempts=2, time_us=1_000_234)
    found = only("SVC105", resolved(ASKED, silent, replace(silent, type="AAAA", time_us=1_000_999)))
    assert found.severity == "warning"
    assert found.subject == "DNS"
    assert found.evidence == (
        "Looking up shop (A and AAAA) failed: no name server answered within 1.0 s, after 2 messages.",
        "resolv.conf names 10.96.0.10; without an answer a program waits 5 s before it asks again, 2 times each.",
    )
    assert "NetworkPolicy" in found.remedy
    assert found.pointers == ("/dns/0/lookups/1", "/dns/0/lookups/2")


@pytest.mark.parametrize(
    ("outcome", "evidence", "remedy"),
    [
        ("servfail", "10.96.0.10 answered SERVFAIL", "Look at the log of 10.96.0.10"),
        ("refused", "10.96.0.10 refused to answer", "Look at the log of 10.96.0.10"),
        ("malformed", "no answer to it", "Look at the log"),
        ("error", "answered with an error", "Look at the log"),
        ("truncated", "could not be had over TCP", "over TCP, too"),
        ("unreachable", "no name server could be reached", "does not answer"),
        ("nxdomain", "says that the name does not exist", "does not know shop"),
        ("no-data", "the name exists, but has no address", "does not know shop"),
    ],
)
def test_failures_by_kind(outcome: Any, evidence: str, remedy: str) -> None:
    found = only("SVC105", resolved(replace(OWN, outcome=outcome, addresses=())))
    assert evidence in found.evidence[0]
    assert remedy in found.remedy


@pytest.mark.parametrize(("time_us", "expected"), [(499_999, False), (500_000, True)])
def test_slow_from_half_a_second_on(time_us: int, expected: bool) -> None:
    pod = resolved(replace(ASKED, time_us=time_us))
    assert ("SVC105" in codes(pod)) is expected
    if expected:
        found = only("SVC105", pod)
        assert (
            found.evidence[0]
            == "Looking up kubernetes.default.svc (A) took 500 ms; 3 names had to be asked for."
        )
        assert "its CPU limit" in found.remedy


@pytest.mark.parametrize(("queries", "expected"), [(3, False), (4, True)])
def test_a_search_list_that_asks_four_times(queries: int, expected: bool) -> None:
    asked = lookup("example.com", "outside", "A", queries, 900, "192.0.2.80")
    pod = resolved(asked, replace(asked, type="AAAA", outcome="no-data", addresses=()))
    assert ("SVC105" in codes(pod)) is expected
    if expected:
        found = only("SVC105", pod)
        assert found.evidence == (
            "Of example.com the search list (3 domains, ndots 5) makes 4 names to ask for, 8 queries with A and AAAA.",
        )
        assert "final dot" in found.remedy


def test_one_type_of_two_is_enough_and_an_outside_name_may_not_exist() -> None:
    v6_only = (
        replace(OWN, outcome="no-data", addresses=()),
        replace(OWN, type="AAAA", addresses=("fd00::7",)),
    )
    assert "SVC105" not in codes(resolved(*v6_only))
    assert "SVC105" not in codes(resolved(replace(OWN, kind="outside", outcome="nxdomain", addresses=())))


def test_an_address_that_musl_makes_nothing_of() -> None:
    spoiled = replace(lookup("db.corp", "outside", "A", 1, 900, "10.0.0.7"), spoiled_by="nxdomain")
    other = replace(lookup("db.corp", "outside", "AAAA", 1, 900), outcome="nxdomain")
    found = only("SVC105", resolved(spoiled, other))
    assert found.evidence[0].startswith(
        "db.corp has an address (A), but musl fails the whole name: for AAAA "
    )
    assert "says that the name does not exist. glibc would" in found.evidence[0]
    assert "without an error (NOERROR, no record)" in found.remedy


@pytest.mark.parametrize(
    ("egress", "says", "does"),
    [
        (
            (),
            "NetworkPolicy shut restricts egress, and no rule allows port 53 over UDP",
            "Add an egress rule to",
        ),
        (
            (PolicyRule(ports=(PolicyPort(port=443),)),),
            "no rule allows port 53 over UDP",
            "Add an egress rule to",
        ),
        (
            (PolicyRule(ports=(PolicyPort(port=53),)),),
            "no rule allows port 53 over UDP",
            "Add an egress rule to",
        ),
        (
            (PolicyRule(peers=("addresses in 10.0.0.0/8",), ports=(PolicyPort(protocol="udp", port=53),)),),
            "NetworkPolicy shut lets the Pod reach addresses in 10.0.0.0/8 at port 53 over UDP; whether",
            "Find out why",
        ),
        ((PolicyRule(ports=(PolicyPort(protocol="udp", name="dns"),)),), "anyone at port 53", "Find out why"),
    ],
)
def test_a_policy_that_shuts_off_the_name_server(
    egress: tuple[PolicyRule, ...], says: str, does: str
) -> None:
    silent = replace(
        lookup("kubernetes.default.svc", "cluster", "A", 1, 1_000_000), outcome="timeout", server=None
    )
    pod = replace(
        resolved(silent), network_policies=(NetworkPolicy(name="shut", types=("egress",), egress=egress),)
    )
    found = only("SVC105", pod)
    assert says in found.evidence[-1]
    assert found.remedy.startswith(does)
    ingress = replace(pod, network_policies=(NetworkPolicy(name="in", types=("ingress",)),))
    assert not [one for one in only("SVC105", ingress).evidence if "NetworkPolicy" in one]


def test_one_type_that_fails_is_told_though_the_other_is_found() -> None:
    found = only("SVC105", resolved(OWN, replace(OWN, type="AAAA", outcome="timeout", addresses=())))
    assert "shop (AAAA) failed" in found.evidence[0]


@pytest.mark.parametrize(("ready", "expected"), [(False, False), (None, False), (True, True)])
@pytest.mark.parametrize(("name", "kind"), [("peers", "own-service"), ("one.peers", "own-name")])
def test_a_headless_service_has_its_ready_pods_for_records(
    name: str, kind: Any, ready: bool | None, expected: bool
) -> None:
    missing = replace(OWN, name=name, kind=kind, outcome="nxdomain", addresses=())
    headless = Service(name="peers", type="ClusterIP", cluster_ip="None", ready=ready)
    pod = replace(resolved(missing), services=(headless,))
    assert ("SVC105" in codes(pod)) is expected


def test_containers_that_fare_alike_are_told_of_once() -> None:
    refused = replace(OWN, outcome="refused", addresses=())
    one, other = (resolver(containers=(name,), lookups=(refused,)) for name in ("nginx", "webapp"))
    assert only("SVC105", with_resolvers(one, replace(other, library="musl"))).subject == "DNS"
    well = resolver(containers=("webapp",))
    found = only("SVC105", with_resolvers(one, well))
    assert (found.subject, found.containers) == ("DNS of nginx", ("nginx",))


@pytest.mark.parametrize("output", ["table", "markdown", "html"])
def test_reports_show_it(output: str) -> None:
    text = render([troubled_pod()], output, color=False, width=200, past=())
    for part in (
        "kubernetes.default.svc",
        "no answer",
        "example.com",
        "10.96.0.10",
        "shop.svc.cluster.local",
    ):
        assert part in text


def test_metrics_tell_it() -> None:
    text = render([troubled_pod()], "prometheus", color=False, width=80, past=())
    lines = [line for line in text.splitlines() if line.startswith("podprobe_dns_") and 'name="shop"' in line]
    assert any(line.startswith("podprobe_dns_lookup_failed") and line.endswith(" 1.0") for line in lines)
    assert any(
        line.startswith("podprobe_dns_lookup_duration_seconds") and line.endswith(" 1.0") for line in lines
    )
    assert all('type="A' in line for line in lines)
