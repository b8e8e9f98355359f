"""Findings of real Pods: those that only a cluster can make, and none where nothing is wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from tests.e2e.conftest import Kube

PRODUCER = """
import ctypes, time
libc = ctypes.CDLL(None)
time.sleep(3)
queue, message = libc.msgget(0x1001, 0o1666), ctypes.create_string_buffer(b"\\1" + b"\\0" * 7 + b"x" * 512)
while True:
    libc.msgsnd(queue, message, 512, 0)
    time.sleep(0.02)
"""
CONSUMER = """
import ctypes, sys, time
libc = ctypes.CDLL(None)
queue, room = libc.msgget(0x1001, 0), ctypes.create_string_buffer(1024)
if queue < 0:
    sys.exit("no queue yet")
while True:
    libc.msgrcv(queue, room, 512, 0, 0)
    time.sleep(0.2)
"""
BURNER = "while True: pass"
EATER = "import time; kept = bytearray(b'x') * (54 << 20); time.sleep(1e9)"
KILLED = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "kept = bytearray(b'x') * (200 << 20)"])
time.sleep(1e9)
"""
TWO_PORTS = """
import socket, threading
def serve(port):
    listener = socket.create_server(("", port))
    while True: listener.accept()[0].close()
threading.Thread(target=serve, args=(8000,)).start()
serve(8001)
"""
SEGMENT = """
import ctypes, time
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
libc.shmat(libc.shmget(0x1234, 1 << 20, 0o1666), None, 0)
time.sleep(1e9)
"""


def findings(snapshot: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By code; of several, the first."""
    return {one["code"]: one for one in reversed(snapshot["findings"])}


def test_a_healthy_pod_has_nothing_but_remarks(kube: Kube, namespace: str) -> None:
    kube.apply(pods.volumes_and_ipc(namespace, kube.images))
    kube.ready(namespace, "mc1")
    seen = [(one["code"], one["severity"]) for one in kube.snapshot("mc1", "-n", namespace)["findings"]]
    # RES105 says that the machine which runs the tests is busy.
    assert sorted(set(seen) - {("RES105", "info")}) == [("VOL104", "info"), ("VOL105", "info")]


def test_a_start_up_race_and_a_slow_consumer(kube: Kube, namespace: str) -> None:
    python = kube.images["python"]
    kube.apply(
        pods.pod(
            "mc2",
            namespace,
            pods.container("producer", python, "python3", "-c", PRODUCER),
            pods.container("consumer", python, "python3", "-c", CONSUMER),
        )
    )

    def found() -> dict[str, dict[str, Any]] | None:
        seen = findings(kube.snapshot("mc2", "-n", namespace))
        return seen if {"STA101", "IPC103"} <= set(seen) else None

    kube.ready(namespace, "mc2")
    seen = kube.wait("STA101 and IPC103", found)
    assert seen["STA101"]["containers"] == ["consumer", "producer"]
    assert "0x00001001" in seen["STA101"]["evidence"][1]
    assert "producer" in seen["STA101"]["remedy"]
    assert "by consumer" in seen["IPC103"]["evidence"][1]
    assert not {"critical"} & {one["severity"] for one in seen.values()}


def test_a_service_that_ends_on_loopback(kube: Kube, namespace: str) -> None:
    kube.apply(*pods.reverse_proxy(namespace, kube.images))
    kube.ready(namespace, "mc3")
    done = kube.podprobe("snapshot", "mc3", "-n", namespace, "-o", "json", "--fail-on", "critical")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    (finding,) = [one for one in document["findings"] if one["code"] != "RES105"]
    assert finding["code"] == "SVC101"
    assert finding["subject"] == "Service mc3 port 5000"
    assert finding["containers"] == ["webapp"]

    split = json.loads(kube.podprobe("split", "mc3", "-n", namespace, "-c", "webapp", "-o", "json").stdout)
    assert split["verdict"] == "after-changes"
    (crossing,) = split["crossings"]
    assert (crossing["fate"], crossing["channel"]["via"]) == ("change", "127.0.0.1:5000")
    assert "Let webapp listen on 0.0.0.0:5000" in crossing["todo"]


def _process(kube: Kube, namespace: str, pod: str, container: str) -> int:
    """A process of the container, as this machine numbers it."""
    if kube.cluster is None:
        pytest.skip("the Pod's processes are on another machine")
    statuses = kube.get("pod", pod, "-n", namespace)["status"]["containerStatuses"]
    identity = next(one["containerID"] for one in statuses if one["name"] == container).rpartition("/")[2]
    for cgroup in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if identity in cgroup.read_text():
                return int(cgroup.parent.name)
        except OSError:
            continue
    raise AssertionError(f"no process of {container}")


def test_loss_on_loopback(kube: Kube, namespace: str) -> None:
    if shutil.which("iptables") is None or shutil.which("nsenter") is None:
        pytest.skip("it takes iptables and nsenter to lose packets")
    kube.apply(*pods.reverse_proxy(namespace, kube.images))
    kube.ready(namespace, "mc3")
    inside = ("nsenter", "-n", "-t", str(_process(kube, namespace, "mc3", "nginx")))
    lose = "iptables -A INPUT -i lo -p tcp --dport 5000 -m statistic --mode random --probability 0.1 -j DROP"
    done = subprocess.run([*inside, *lose.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"iptables cannot lose packets here: {done.stderr.strip()}")
    ask = (
        "from http.client import HTTPConnection\n"
        "line = HTTPConnection('127.0.0.1', 80)\n"
        "for _ in range(150): line.request('GET', '/'); line.getresponse().read()\n"
    )
    subprocess.run([*inside, "python3", "-c", ask], check=True, timeout=110)
    found = findings(kube.snapshot("mc3", "-n", namespace))["TCP101"]
    assert found["severity"] == "critical"
    assert found["subject"] == "nginx → webapp 127.0.0.1:5000"


def test_resources(kube: Kube, namespace: str) -> None:
    python = kube.images["python"]

    def limited(name: str, script: str, cpu: str, memory: str) -> dict[str, Any]:
        return pods.container(
            name, python, "python3", "-c", script, resources={"limits": {"cpu": cpu, "memory": memory}}
        )

    kube.apply(
        pods.pod(
            "greedy",
            namespace,
            limited("burner", BURNER, "50m", "64Mi"),
            limited("eater", EATER, "500m", "64Mi"),
            limited("killed", KILLED, "500m", "64Mi"),
            pods.sleeper("idle", kube.images),
        )
    )
    kube.ready(namespace, "greedy")

    def found() -> set[tuple[str, str]] | None:
        seen = {(one["code"], one["subject"]) for one in kube.snapshot("greedy", "-n", namespace)["findings"]}
        wanted = {("RES101", "burner"), ("RES102", "eater"), ("RES103", "killed"), ("RES104", "Pod")}
        return seen if wanted <= seen else None

    seen = kube.wait("RES101 to RES104", found)
    assert {code for code, _ in seen} == {"RES101", "RES102", "RES103", "RES104"}
    assert {subject for code, subject in seen if code != "RES101"} == {"eater", "killed", "Pod"}


def test_the_hosts_network_and_a_port_name_that_is_not_there(kube: Kube, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    kube.apply(
        pods.pod(
            "web", namespace, pods.sleeper("idle", kube.images), hostNetwork=True, labels={"app": "web"}
        ),
        service,
    )
    kube.ready(namespace, "web")
    seen = findings(kube.snapshot("web", "-n", namespace))
    # RES105 says that the machine which runs the tests is busy.
    assert set(seen) - {"RES105"} == {"NET111", "SVC102"}
    assert "'http'" in seen["SVC102"]["evidence"][0]


def test_a_probe_of_a_port_that_is_not_declared(kube: Kube, namespace: str) -> None:
    probe = {"tcpSocket": {"port": 8001}, "periodSeconds": 1}
    web = pods.container(
        "web", kube.images["python"], "python3", "-c", TWO_PORTS, ports=[{"containerPort": 8000}],
        readinessProbe=probe,
    )  # fmt: skip
    kube.apply(pods.pod("probed", namespace, web))
    kube.ready(namespace, "probed")
    seen = findings(kube.snapshot("probed", "-n", namespace))
    # That it listens on a port which it does not declare is another remark.
    assert set(seen) - {"RES105"} == {"NET103", "NET112"}
    assert seen["NET112"]["evidence"][0].startswith(
        "The `readinessProbe` of web asks port 8001; it declares 8000"
    )


def test_a_shared_segment_binds(kube: Kube, namespace: str) -> None:
    python = kube.images["python"]
    sharing = [pods.container(name, python, "python3", "-c", SEGMENT) for name in ("writer", "reader")]
    kube.apply(pods.pod("pair", namespace, *sharing))
    kube.ready(namespace, "pair")

    def attached() -> Any:
        split = json.loads(
            kube.podprobe("split", "pair", "-n", namespace, "-c", "reader", "-o", "json").stdout
        )
        return split if split["crossings"] else None

    split = kube.wait("both to attach", attached)
    assert split["verdict"] == "bound"
    assert re.search(r"bound to writer by shared-memory 0x00001234", split["summary"])
