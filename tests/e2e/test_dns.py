"""Name resolution in a real Pod, by Debian's dnsmasq in the Pod's network: well, silent, lossy, refusing, closed."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Kube

DOMAIN = "cluster.local"
API, SHOP, ONE = "10.96.0.1", "10.96.7.7", "10.244.0.9"


def _objects(namespace: str, images: dict[str, str]) -> list[dict[str, Any]]:
    """A Pod that takes itself for its name server, a Service before it, and a headless one for its own name."""

    def service(name: str, **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80}], **spec},
        }

    made = pods.pod(
        "shop",
        namespace,
        pods.sleeper("web", images),
        pods.container("worker", images["python"], "python3", "-c", "import time; time.sleep(1e9)"),
        labels={"app": "shop"},
        hostname="one",
        subdomain="peers",
        dnsPolicy="None",
        dnsConfig={
            "nameservers": ["127.0.0.1"],
            "searches": [f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN],
            "options": [{"name": "ndots", "value": "5"}],
        },
    )
    return [service("shop"), service("peers", clusterIP="None"), made]


class Network:
    """The Pod's network namespace, entered from its node, which is this machine."""

    def __init__(self, pid: int, namespace: str) -> None:
        self._enter = ["nsenter", "-n", "-t", str(pid)]
        self._zone = {
            f"kubernetes.default.svc.{DOMAIN}": API,
            f"shop.{namespace}.svc.{DOMAIN}": SHOP,
            f"peers.{namespace}.svc.{DOMAIN}": ONE,
            f"one.peers.{namespace}.svc.{DOMAIN}": ONE,
        }

    @contextlib.contextmanager
    def dnsmasq(self, *more: str, knows: bool = True) -> Iterator[None]:
        """`knows`: it says of the domain's other names that they do not exist; else it refuses them."""
        command = [
            *self._enter, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv",
            "--pid-file=", "--user=root", "--bind-interfaces", "--listen-address=127.0.0.1",
            *(f"--host-record={name},{address}" for name, address in self._zone.items()), *more,
            *([f"--local=/{DOMAIN}/"] if knows else []),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 10
            while not self._listens() and time.monotonic() < deadline:
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.communicate()

    def _listens(self) -> bool:
        told = subprocess.run([*self._enter, "ss", "-Hlun", "sport = :53"], capture_output=True, check=False)
        return bool(told.stdout)

    @contextlib.contextmanager
    def losing(self, *which: str) -> Iterator[None]:
        rule = ["INPUT", "-i", "lo", *which, "-j", "DROP"]
        done = subprocess.run([*self._enter, "iptables", "-A", *rule], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"iptables cannot lose packets here: {done.stderr.decode().strip()}")
        try:
            yield
        finally:
            subprocess.run([*self._enter, "iptables", "-D", *rule], capture_output=True, check=True)


def _pid(kube: Kube, namespace: str) -> int:
    uid = kube.get("pod", "shop", "-n", namespace)["metadata"]["uid"]
    for cgroup in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):
            if uid in (text := cgroup.read_text()) or uid.replace("-", "_") in text:
                return int(cgroup.parent.name)
    raise AssertionError("no process of the Pod")


@pytest.fixture
def network(kube: Kube, namespace: str) -> Network:
    if kube.cluster is None:
        pytest.skip("the Pod's network is on another machine")
    for tool in ("dnsmasq", "nsenter", "iptables", "ss"):
        if shutil.which(tool) is None:
            pytest.skip(f"it takes {tool}")
    kube.apply(*_objects(namespace, kube.images))
    kube.ready(namespace, "shop")
    return Network(_pid(kube, namespace), namespace)


def _lookups(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By name and type; of several settings, those of `worker`."""
    dns = next(one for one in document["dns"] if "worker" in one["containers"])
    return {(one["name"], one["type"]): one for one in dns["lookups"]}


def _evidence(document: dict[str, Any]) -> str:
    return " ".join(
        sentence for one in document["findings"] if one["code"] == "SVC105" for sentence in one["evidence"]
    )


def test_a_name_server_that_is_well(kube: Kube, namespace: str, network: Network) -> None:
    with network.dnsmasq():
        seen = kube.snapshot("shop", "-n", namespace)
    settings = next(one for one in seen["dns"] if "worker" in one["containers"])
    assert settings["servers"] == ["127.0.0.1"]
    assert settings["search"] == [f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN]
    assert (settings["ndots"], settings["library"], settings["outside_queries"]) == (5, "glibc", 4)
    found = _lookups(seen)
    assert found["kubernetes.default.svc", "A"]["addresses"] == [API]
    assert found["kubernetes.default.svc", "A"]["queries"] == 3
    assert found["shop", "A"]["addresses"] == [SHOP]
    assert found["shop", "A"]["queries"] == 1
    assert found["shop", "AAAA"]["outcome"] == "no-data"
    assert (found["one.peers", "A"]["kind"], found["one.peers", "A"]["addresses"]) == ("own-name", [ONE])
    assert all(one["outcome"] in ("ok", "no-data") for one in found.values())
    assert "SVC105" not in {one["code"] for one in seen["findings"]}


def test_an_outside_name_and_what_it_takes(kube: Kube, namespace: str, network: Network) -> None:
    with network.dnsmasq("--host-record=example.com,192.0.2.80"):
        seen = kube.snapshot("shop", "-n", namespace, "--dns-name", "example.com")
    found = _lookups(seen)["example.com", "A"]
    assert (found["kind"], found["outcome"], found["queries"]) == ("outside", "ok", 4)
    assert "makes 4 names to ask for, 8 queries" in _evidence(seen)


def test_nothing_is_asked_passively_and_else_only_below_the_clusters_domain(
    kube: Kube, namespace: str, network: Network, tmp_path: Path
) -> None:
    log = tmp_path / "queries"
    with network.dnsmasq("--log-queries", f"--log-facility={log}"):
        seen = kube.snapshot("shop", "-n", namespace, "--passive")
        passive = log.read_text()
        kube.snapshot("shop", "-n", namespace)
    assert "query" not in passive
    assert [one["lookups"] for one in seen["dns"]] == [[]] * len(seen["dns"])
    asked = set(re.findall(r"query\[A+\] (\S+) from", log.read_text()))
    assert asked, "the witness is deaf"
    assert all(name.endswith(f".{DOMAIN}") for name in asked), "a name of the cluster's goes to nobody else"


def test_a_silent_one(kube: Kube, namespace: str, network: Network) -> None:
    with network.dnsmasq(), network.losing("-p", "udp", "--dport", "53"):
        seen = kube.snapshot("shop", "-n", namespace)
    assert _lookups(seen)["kubernetes.default.svc", "A"]["outcome"] == "timeout"
    assert "no name server answered within 1.0 s" in _evidence(seen)
    (note, *_) = [one for one in seen["visibility"] if one["area"] == "dns"]
    assert "shop" in note["reason"]


def test_one_that_loses_every_third_query_is_slow(kube: Kube, namespace: str, network: Network) -> None:
    lossy = "-p udp --dport 53 -m statistic --mode nth --every 3 --packet 0".split()
    with network.dnsmasq(), network.losing(*lossy):
        seen = kube.snapshot("shop", "-n", namespace)
    found = _lookups(seen)["kubernetes.default.svc", "A"]
    assert found["time_us"] >= 500_000
    assert found["attempts"] > found["queries"]
    assert "SVC105" in {one["code"] for one in seen["findings"]}


def test_one_that_refuses(kube: Kube, namespace: str, network: Network) -> None:
    # dnsmasq refuses what it has neither a record nor a server for.
    with network.dnsmasq(knows=False):
        seen = kube.snapshot("shop", "-n", namespace)
    assert _lookups(seen)["kubernetes.default.svc", "A"]["outcome"] == "refused"
    assert "127.0.0.1 refused to answer" in _evidence(seen)


def test_none_at_all(kube: Kube, namespace: str, network: Network) -> None:
    seen = kube.snapshot("shop", "-n", namespace)
    assert _lookups(seen)["kubernetes.default.svc", "A"]["outcome"] == "unreachable"
    assert "could be reached" in _evidence(seen)


def test_an_answer_that_does_not_fit_a_datagram(kube: Kube, namespace: str, network: Network) -> None:
    name = f"shop.{namespace}.svc.{DOMAIN}"
    many = [f"--host-record={name},10.1.0.{number}" for number in range(1, 60)]
    with network.dnsmasq(*many):
        over_tcp = kube.snapshot("shop", "-n", namespace)
        with network.losing("-p", "tcp", "--dport", "53"):
            without = kube.snapshot("shop", "-n", namespace)
    assert _lookups(over_tcp)["shop", "A"]["outcome"] == "ok"
    assert len(_lookups(over_tcp)["shop", "A"]["addresses"]) == 8
    assert _lookups(without)["shop", "A"]["outcome"] == "truncated"
    assert "could not be had over TCP" in _evidence(without)
