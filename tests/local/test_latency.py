"""Active probes in a real namespace: `podprobe latency` as a user runs it, and the sidecar's price on a real proxy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podprobe.analysis.hops import Hop
from podprobe.measuring.prices import price_of
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import Demo
from tests.support.loopback import Loopback, available

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif((why := available()) is not None, reason=str(why)),
]


def podprobe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "podprobe", "latency", *arguments], capture_output=True, text=True, check=False
    )


def test_matrix_and_failures() -> None:
    with Loopback(scenario="serve") as loopback:
        target = f"local:{loopback.pid}"
        done = podprobe(target, "--to", "6000", "--to", "6001", "--count", "30", "-o", "json")
        table = podprobe(target, "--to", "6000", "--count", "30")
    assert done.returncode == 0, done.stderr
    served, refused = json.loads(done.stdout)
    assert (served["to"], served["count"], served["failures"]) == ("127.0.0.1:6000", 30, 0)
    assert sum(served["histogram"]["counts"].values()) == 30
    assert 0 < served["min_us"] <= served["p50_us"] <= served["p99_us"] <= served["max_us"]
    assert (refused["count"], refused["failures"], refused["errors"]) == (30, 30, {"ECONNREFUSED": 30})
    assert refused["p50_us"] is None
    assert "127.0.0.1:6000" in table.stdout
    assert "│" in table.stdout


def test_an_interrupt_prints_what_there_is_until_then() -> None:
    with Loopback(scenario="serve") as loopback:
        before = _connects(loopback.pid)
        asked = ["--to", "6000", "--count", "100000", "--interval", "1ms", "-o", "json", "--prices"]
        running = subprocess.Popen(
            [sys.executable, "-m", "podprobe", "latency", f"local:{loopback.pid}", *asked],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        # The probes' connections are seen in the namespace; after a round there is something to print.
        while _connects(loopback.pid) < before + 100:
            assert running.poll() is None, running.communicate()
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=60)
    assert running.returncode == 0, error
    told = json.loads(out)
    assert told["interrupted"] is True
    assert 0 < told["latency"][0]["count"] < 100_000
    assert "interrupted" in error


def _connects(pid: int) -> int:
    """Connections that were opened in a process's network namespace (`Tcp.ActiveOpens`)."""
    names, values = (
        line.split()
        for line in Path(f"/proc/{pid}/net/snmp").read_text().splitlines()
        if line.startswith("Tcp:")
    )
    return int(values[names.index("ActiveOpens")])


def test_loss_on_the_handshake_shows_as_a_second() -> None:
    """A SYN that is lost is sent again after a second: no mean would tell."""
    with Loopback(scenario="serve", listener_loss=0.3) as loopback:
        done = podprobe(
            f"local:{loopback.pid}", "--to", "6000", "--count", "20", "--timeout", "4s", "-o", "json"
        )
    (found,) = json.loads(done.stdout)
    assert found["count"] == 20
    assert found["max_us"] > 900_000
    assert found["p50_us"] < 900_000


@pytest.mark.parametrize("passes", [True, False])
def test_the_sidecars_price(passes: bool) -> None:
    """A proxy that holds each request for 3 ms; or answers by itself."""
    with (
        Loopback(scenario="serve", delay=0.003, passes=passes) as loopback,
        Session(open_local(loopback.pid), SessionOptions(active=False)) as session,
    ):
        name = session.look().network.listeners[0].container or ""
        hop = Hop(name, name, "127.0.0.1:6080", "127.0.0.1:6000")
        price, latencies, why = price_of(session, hop, count=60, timeout=2.0)
    assert why == ""
    assert price is not None
    assert price.pairs == 60
    assert [latency.count for latency in latencies] == [60, 60]
    assert price.passed is passes
    median = price.differences[0]
    assert median.clear
    # What sleeps 3 ms takes 3 ms and what the machine adds; the interval is above and near.
    assert median.low > 2900


def test_a_unix_socket_where_the_containers_share_their_processes() -> None:
    """One agent for all: a path is looked up where its server lives, not where the sandbox does."""
    with Demo(("shared-pids",)) as demo:
        done = podprobe(f"local:{demo.pid}", "--kind", "unix", "--count", "10", "-o", "json")
    assert done.returncode == 0, done.stderr
    found = {row["to"]: row for row in json.loads(done.stdout)}
    assert found["/run/pod/cache.sock"]["to_container"] == "worker"
    assert found["/run/pod/cache.sock"]["failures"] == 0
