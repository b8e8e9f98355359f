"""Where Services end in the Pod: by port, by IP family, by kind of Service."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from podprobe.analysis.services import reach, services
from podprobe.model import Listener, Service, ServicePort, Snapshot
from tests.support.samples import healthy_pod

IPV4, IPV6 = "10.0.0.7", "fd00::7"


def pod(*addresses: str, ips: tuple[str, ...] = (IPV4, IPV6), v6_only: bool | None = False) -> Snapshot:
    """A Pod with a listener at port 7000 of each address."""
    sample = healthy_pod()
    there = tuple(
        Listener(protocol="tcp", address=one, port=7000, container="c", v6_only=v6_only) for one in addresses
    )
    return replace(
        sample,
        target=replace(sample.target, ips=ips),
        network=replace(sample.network, listeners=there, interfaces=()),
    )


@pytest.mark.parametrize(
    ("listens", "families", "verdict", "unreached"),
    [
        (["0.0.0.0"], ["IPv4"], "ok", ()),
        (["0.0.0.0"], ["IPv6"], "other-address", ("IPv6",)),
        (["0.0.0.0"], ["IPv4", "IPv6"], "other-address", ("IPv6",)),
        (["::"], ["IPv4", "IPv6"], "ok", ()),
        (["0.0.0.0", "::"], ["IPv4", "IPv6"], "ok", ()),
        ([IPV4], ["IPv4"], "ok", ()),
        (["::ffff:10.0.0.7"], ["IPv4"], "ok", ()),
        (["10.9.9.9"], ["IPv4"], "other-address", ("IPv4",)),
        (["fd00:0::7"], ["IPv6"], "ok", ()),
        (["127.0.0.1"], ["IPv4"], "loopback-only", ()),
        (["::1", "127.0.0.1"], ["IPv4", "IPv6"], "loopback-only", ()),
        ([], ["IPv4"], "missing", ()),
        (["0.0.0.0"], [], "ok", ()),
    ],
)
def test_a_listener_answers_at_its_address_alone(
    listens: list[str], families: list[str], verdict: str, unreached: tuple[str, ...]
) -> None:
    found = reach(pod(*listens), "tcp", 7000, families)
    assert (found[0], found[2]) == (verdict, unreached)


@pytest.mark.parametrize(("v6_only", "verdict"), [(True, "other-address"), (False, "ok"), (None, "ok")])
def test_a_listener_that_takes_ipv6_only(v6_only: bool | None, verdict: str) -> None:
    assert reach(pod("::", v6_only=v6_only), "tcp", 7000, ["IPv4"])[0] == verdict


def test_a_family_of_which_the_pod_has_no_address() -> None:
    assert reach(pod("0.0.0.0", ips=(IPV4,)), "tcp", 7000, ["IPv6"]) == ("other-address", "c", ("IPv6",))


def test_where_the_pods_addresses_are_not_known_any_but_loopback_counts() -> None:
    assert reach(pod("10.9.9.9", ips=()), "tcp", 7000, ["IPv4"])[0] == "ok"


def ends(snapshot: Snapshot, port: ServicePort, **more: Any) -> str:
    service = Service(name="s", type="ClusterIP", ports=(port,), **more)
    (found,) = services(replace(snapshot, services=(service,)))
    return found.ports[0].listener


def test_a_headless_name_translates_no_port() -> None:
    aside = ServicePort(port=80, target_port=7000, listener="unknown")
    straight = replace(aside, port=7000)
    assert ends(pod("0.0.0.0"), aside, cluster_ip="None") == "srv-only"
    assert ends(pod("0.0.0.0"), straight, cluster_ip="None") == "ok"
    assert ends(pod("0.0.0.0"), replace(straight, target_port=9), cluster_ip="None") == "ok"
    assert ends(pod(), aside, cluster_ip="None") == "missing"
    assert ends(pod("0.0.0.0"), aside, cluster_ip="10.1.1.1") == "ok"
