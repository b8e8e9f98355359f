"""A server that has ceased to accept: podprobe finds that, and does nothing to its queue."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from podprobe.session import Session
from podprobe.targets.local import open_local
from tests.support.loopback import available

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif((why := available()) is not None, reason=str(why)),
]

PROGRAM = """
import fcntl, socket, struct, sys, threading
with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack("16sh", b"lo", 0x49))  # SIOCSIFFLAGS: up, loopback, running
def listen(address, port, backlog):
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.bind((address, port))
    made.listen(backlog)
    return made
places = ("127.0.0.1", 7000, 128), ("0.0.0.0", 7001, 5), ("::1", 7002, 128), ("127.0.0.1", 7003, 0)
stuck = [listen(*place) for place in places]
well = listen("127.0.0.1", 7010, 128)
def serve():
    while True:
        well.accept()[0].close()
threading.Thread(target=serve, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
for each in stuck:
    each.settimeout(0)
    accepted = []
    while True:
        try:
            accepted.append(each.accept())
        except OSError:
            break
    print(len(accepted), flush=True)
sys.stdin.read()
"""


def test_a_queue_that_nobody_empties_is_not_filled() -> None:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--net", sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
        with Session(open_local(program.pid)) as session:
            looks = [session.look() for _ in range(60)]
            program.stdin.write("\n")
            program.stdin.flush()
            waited = [int(program.stdout.readline()) for _ in range(4)]
            after = [session.look() for _ in range(6)]
        program.stdin.close()
    first, last = looks[0], looks[-1]
    assert waited == [20, 3, 20, 0]
    queues = {one.port: (one.backlog, one.own_probes) for one in last.network.listeners}
    assert queues[7000] == queues[7002] == (20, 20)
    assert queues[7001] == (3, 3)
    # Whoever looks next finds them, and adds none either.
    made = {code for look in looks for code in (each.code for each in look.findings)}
    assert not made & {"NET107", "NET108", "TCP105", "TCP106"}
    reasons = Counter(one.reason for one in last.visibility if one.area == "latency")
    assert reasons == {
        f"{to} is not probed: {why}": 1
        for to, why in {
            "127.0.0.1:7000": "its accept queue was not seen to empty",
            "127.0.0.1:7001": "its accept queue is a quarter full or more",
            "127.0.0.1:7003": "its accept queue has room for one connection only",
            "[::1]:7002": "its accept queue was not seen to empty",
        }.items()
    }
    counts = {row.to: row.count for row in first.latency}
    assert counts["127.0.0.1:7000"] == 20
    served = {row.to: row.count for row in last.latency}
    assert served["127.0.0.1:7010"] > 100
    # Accepted at last, the server that was stuck is probed again.
    again = {row.to: row.count for row in after[-1].latency}
    assert again["127.0.0.1:7000"] > 20
