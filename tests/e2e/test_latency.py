"""Loss between two containers of a real Pod, as sockets, capture and active probes see it."""

from __future__ import annotations

import io
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from podprobe.agents.filters import compile_filter
from podprobe.analysis.retransmits import attribution, flow_rates
from podprobe.capturing import capturing_agent, record
from podprobe.capturing.sink import Sink
from podprobe.packets.__main__ import analyse
from podprobe.session import Session, SessionOptions
from podprobe.targets.kubernetes import open_pod
from tests.e2e import pods

if TYPE_CHECKING:
    from tests.e2e.conftest import Kube

_SERVER = """
import ctypes, socket, threading
class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(Instruction))]
lose = (Instruction * 4)(Instruction(0x20, 0, 0, 0xfffff038), Instruction(0x35, 0, 1, 2**32 // 20),
                         Instruction(6, 0, 0, 0xffffffff), Instruction(6, 0, 0, 0))
def serve(sock):
    while data := sock.recv(4096):
        sock.sendall(data)
listener = socket.create_server(("127.0.0.1", 5000))
while True:
    sock, _ = listener.accept()
    sock.setsockopt(socket.SOL_SOCKET, 26, bytes(Program(4, lose)))  # SO_ATTACH_FILTER: one segment in twenty is lost
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
"""
_CLIENT = """
import socket, threading, time
def call():
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", 5000))
            break
        except OSError:
            time.sleep(0.2)
    while True:
        sock.sendall(bytes(500))
        left = 500
        while left:
            left -= len(sock.recv(left))
        time.sleep(0.002)
for _ in range(3):
    threading.Thread(target=call).start()
"""


def _lossy(kube: Kube, namespace: str) -> None:
    image = kube.images["python"]
    kube.apply(
        pods.pod(
            "lossy", namespace,
            # Some kernels let only NET_ADMIN filter what a TCP socket receives.
            pods.container("server", image, "python3", "-c", _SERVER,
                           securityContext={"capabilities": {"add": ["NET_ADMIN"]}}),
            pods.container("client", image, "python3", "-c", _CLIENT),
        )
    )  # fmt: skip
    kube.ready(namespace, "lossy")


def _session(kube: Kube, namespace: str) -> Session:
    target = open_pod("pod/lossy", kube.access(namespace))
    return Session(target, SessionOptions(active=False))


def test_retransmits_per_flow_are_the_namespaces(kube: Kube, namespace: str) -> None:
    _lossy(kube, namespace)
    with _session(kube, namespace) as session:
        before = session.look()
        time.sleep(8)
        after = session.look()
    found = attribution(before, after)
    assert found is not None
    assert found.namespace > 10
    # The counter and the sockets are read a moment apart, while the traffic goes on.
    assert abs(found.attributed - found.namespace) <= max(2, 0.01 * found.namespace)
    flow = flow_rates(before, after)[0]
    assert (flow.from_container, flow.to_container, flow.server) == ("client", "server", "127.0.0.1:5000")
    assert flow.retransmit_ratio is not None
    assert 0.01 < flow.retransmit_ratio < 0.2
    assert "TCP101" in {finding.code for finding in after.findings}


def test_the_capture_counts_what_the_kernel_counts(kube: Kube, namespace: str) -> None:
    """Looks around the capture bound its count from above, looks within it from below."""
    _lossy(kube, namespace)
    with _session(kube, namespace) as session:
        agents = session.target.agents(lambda _: None).agents
        out, begun, told = io.BytesIO(), threading.Event(), []

        def capture() -> None:
            told.append(
                record(
                    capturing_agent(agents, "lossy"), "lo", compile_filter("tcp port 5000"), Sink(lambda: out),
                    snap_bytes=128, seconds=10, progress=lambda _: begun.set(),
                )
            )  # fmt: skip

        thread = threading.Thread(target=capture)
        before = session.look()
        thread.start()
        assert begun.wait(10)
        time.sleep(0.2)
        early = session.look()
        time.sleep(4)
        late = session.look()
        thread.join()
        after = session.look()
    assert told[0].dropped == 0
    out.seek(0)
    seen = analyse(out)
    assert seen.packets == told[0].packets
    inner, outer = (flow_rates(*looks)[0].retransmits for looks in ((early, late), (before, after)))
    assert 5 < inner <= seen.totals.retransmitted_segments <= outer


def test_as_a_user_sees_it(kube: Kube, namespace: str) -> None:
    _lossy(kube, namespace)
    captured = kube.podprobe(
        "capture", "lossy", "-n", namespace, "--filter", "tcp port 5000", "--duration", "4s", "-o", "json"
    )
    assert captured.returncode == 0, captured.stderr
    report: dict[str, Any] = json.loads(captured.stdout)
    assert report["dropped"] == 0
    assert {(flow["from_container"], flow["to_container"]) for flow in report["flows"]} == {
        ("client", "server")
    }
    assert report["totals"]["retransmits"] > 0

    probed = kube.podprobe("latency", "lossy", "-n", namespace, "--to", "5000", "--count", "40", "-o", "json")
    assert probed.returncode == 0, probed.stderr
    matrix = json.loads(probed.stdout)
    assert {row["from_container"] for row in matrix} == {"client", "server"}
    assert all(row["to_container"] == "server" and row["count"] == 40 for row in matrix)


def test_without_net_raw_it_says_so_before_it_starts(kube: Kube, restricted: str) -> None:
    drop = {
        "allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 1000,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    kube.apply(
        pods.pod(
            "closed", restricted, pods.sleeper("a", {"busybox": kube.images["python"]}, securityContext=drop)
        )
    )
    kube.ready(restricted, "closed")
    done = kube.podprobe("capture", "closed", "-n", restricted, "--duration", "2s")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "NET_RAW" in done.stderr
    assert "--profile netraw" in done.stderr
    assert "podprobe snapshot" in done.stderr


def test_the_sidecars_price(kube: Kube, namespace: str) -> None:
    kube.apply(*pods.reverse_proxy(namespace, kube.images))
    kube.ready(namespace, "mc3")
    # A request first: the flow between the two shows who stands in front of whom.
    kube.podprobe("latency", "mc3", "-n", namespace, "--to", "http://127.0.0.1:80/", "--count", "3")
    done = kube.podprobe("latency", "mc3", "-n", namespace, "--kind", "http", "--count", "60", timeout=120)
    assert done.returncode == 0, done.stderr
    assert "in front of" in done.stdout
    assert "60 pairs of HTTP requests" in done.stdout
    assert "answered by itself" not in done.stdout
