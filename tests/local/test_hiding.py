"""A program that uses the address of podprobe's own probes is not hidden by it, and the probes themselves are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe.session import Session
from podprobe.targets.local import open_local
from podprobe_agent.protocol import PROBE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Snapshot

pytestmark = pytest.mark.namespaces

HIDING = f"""
import fcntl, socket, struct, time
with socket.socket() as some:
    fcntl.ioctl(some, 0x8914, struct.pack("16sH14x", b"lo", 0x49))  # SIOCSIFFLAGS: up
hidden = socket.create_server(("{PROBE_SOURCE}", 6000))
open_ = socket.create_server(("127.0.0.1", 6001))
client = socket.create_connection(open_.getsockname(), source_address=("{PROBE_SOURCE}", 0))
accepted, _ = open_.accept()
print("ready", flush=True)
while True:
    for server in (hidden, open_):
        server.settimeout(0.1)
        try:
            server.accept()
        except TimeoutError:
            pass
"""


@pytest.fixture
def looks() -> Iterator[list[Snapshot]]:
    namespaces = ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
    if os.geteuid():
        namespaces[1:1] = ["--user", "--map-root-user"]
    with subprocess.Popen([*namespaces, sys.executable, "-c", HIDING], stdout=subprocess.PIPE) as pod:
        assert pod.stdout is not None
        assert pod.stdout.readline() == b"ready\n"
        children = Path(f"/proc/{pod.pid}/task/{pod.pid}/children").read_text()
        with Session(open_local(int(children.split()[0]))) as session:
            yield [session.look() for _ in range(3)]
        pod.kill()


def test_what_hides_behind_the_probes_address_is_seen_and_the_probes_are_not(looks: list[Snapshot]) -> None:
    for look in looks:
        listening = {(each.address, each.port): each for each in look.network.listeners}
        assert set(listening) == {(PROBE_SOURCE, 6000), ("127.0.0.1", 6001)}
        (name,) = {each.container for each in listening.values()}
        assert name is not None
        ends = [each for each in look.network.connections if PROBE_SOURCE in each.local + each.remote]
        # By then hundreds of probes have left a TIME_WAIT each.
        assert {(each.from_container, each.to_container, each.state) for each in ends} == {
            (name, name, "established")
        }
        assert len(ends) == 2
    assert looks[-1].latency
