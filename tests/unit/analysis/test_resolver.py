"""What C libraries make of resolv.conf and of a name: resolv.conf(5), and musl's src/network/lookup_name.c."""

from __future__ import annotations

from typing import Any

import pytest

from podprobe.agents.answers import DnsValue
from podprobe.analysis.resolver import candidates, cluster_domain, effective, group, within

KUBERNETES = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")


def made(**settings: Any) -> Any:
    settings = {"servers": ("10.96.0.10",), "search": KUBERNETES, "options": ("ndots:5",), **settings}
    (found,) = group([("web", DnsValue(**settings))])
    return found


@pytest.mark.parametrize("library", ["glibc", "musl", None])
def test_few_dots_try_the_search_list_first_and_the_name_itself_last(library: str | None) -> None:
    dns = made(library=library)
    assert candidates(dns, "example.com") == (
        "example.com.shop.svc.cluster.local",
        "example.com.svc.cluster.local",
        "example.com.cluster.local",
        "example.com",
    )
    assert dns.outside_queries == 4


def test_with_enough_dots_glibc_falls_back_to_the_search_list_and_musl_does_not() -> None:
    options = ("ndots:1",)
    assert candidates(made(options=options, library="glibc"), "db.shop") == (
        "db.shop",
        "db.shop.shop.svc.cluster.local",
        "db.shop.svc.cluster.local",
        "db.shop.cluster.local",
    )
    assert candidates(made(options=options, library="musl"), "db.shop") == ("db.shop",)


def test_a_final_dot_ends_it() -> None:
    assert candidates(made(), "example.com.") == ("example.com",)


def test_without_settings_a_name_is_asked_for_as_it_is() -> None:
    dns = made(search=(), options=())
    assert (dns.ndots, dns.timeout_seconds, dns.attempts) == (1, 5, 2)
    assert candidates(dns, "example.com") == ("example.com",)
    assert dns.outside_queries == 1


@pytest.mark.parametrize(
    ("options", "name", "musl", "expected"),
    [
        (("ndots:5",), "ndots", False, 5),
        (("ndots:99",), "ndots", False, 15),
        (("ndots:2", "ndots:3"), "ndots", False, 3),
        (("ndots:-1",), "ndots", False, 1),
        (("ndots:x", "ndots"), "ndots", False, 1),
        (("timeout:0",), "timeout", False, 1),
        (("timeout:99",), "timeout", False, 30),
        (("timeout:99",), "timeout", True, 60),
        (("attempts:99",), "attempts", False, 5),
        (("attempts:99",), "attempts", True, 10),
        (("attempts:" + "9" * 5000,), "attempts", True, 10),
    ],
)
def test_options_stay_within_the_librarys_limits(
    options: tuple[str, ...], name: str, musl: bool, expected: int
) -> None:
    assert effective(options, name, musl=musl) == expected


@pytest.mark.parametrize(
    ("search", "domain"),
    [
        (KUBERNETES, "cluster.local"),
        (("corp.example", "svc.K8S.example."), "k8s.example"),
        (("svc",), None),
        (("corp.example",), None),
        (("mysvc.example",), None),
        ((), None),
    ],
)
def test_the_clusters_domain_is_read_off_the_search_list(search: tuple[str, ...], domain: str | None) -> None:
    assert cluster_domain(made(search=search)) == domain


def test_only_names_below_the_clusters_domain_are_its_own() -> None:
    dns = made(search=(*KUBERNETES, "corp.example"))
    asked = candidates(dns, "db")
    assert "db.corp.example" in asked
    assert "db" in asked
    assert within(asked, "cluster.local") == (
        "db.shop.svc.cluster.local",
        "db.svc.cluster.local",
        "db.cluster.local",
    )


def test_containers_with_like_settings_are_told_of_together() -> None:
    one, other = DnsValue(servers=("10.96.0.10",)), DnsValue(servers=("10.96.0.10",), library="musl")
    found = group([("a", one), ("b", other), ("c", one)])
    assert [each.containers for each in found] == [("a", "c"), ("b",)]


def test_a_container_without_libc_is_told_of_with_those_of_glibc() -> None:
    static = DnsValue(servers=("10.96.0.10",))
    glibc = DnsValue(servers=("10.96.0.10",), library="glibc", hosts=("files", "dns"))
    other = DnsValue(servers=("10.96.0.10",), library="glibc", hosts=("dns", "files"))
    found = group([("a", static), ("b", glibc), ("c", other)])
    assert [(each.containers, each.library, each.hosts_order) for each in found] == [
        (("a", "b"), "glibc", ("files", "dns")),
        (("c",), "glibc", ("dns", "files")),
    ]
    (alone,) = group([("a", static)])
    assert (alone.library, alone.hosts_order) == (None, None)
