"""Every TCP and unix socket of a fresh network namespace, as the agent tells it and as `ss` does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podprobe.agents import bootstrap
from podprobe.agents.client import Agent
from podprobe.agents.inet import InetSocket, decode
from podprobe.agents.process import ProcessStream

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif(shutil.which("ss") is None, reason="needs ss (iproute2)"),
]

INSIDE = """
import socket, subprocess, sys, time
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
keep = []
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.create_server((address, 0), family=family, backlog=9)
    keep.append(server)
    for number in range(40):
        client = socket.create_connection(server.getsockname()[:2])
        accepted, _ = server.accept()
        keep += [client, accepted]
        client.sendall(bytes(100 * number))
        accepted.sendall(bytes(7))
        if number % 4 == 0:
            client.shutdown(socket.SHUT_WR)          # fin-wait-2 and close-wait
        elif number % 4 == 1:
            client.recv(7); client.close(); accepted.recv(5000); accepted.close()   # time-wait
        elif number % 4 == 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    keep.append(socket.create_connection(server.getsockname()[:2]))   # waits to be accepted
full = socket.create_server(("127.0.0.1", 0), backlog=0)
keep += [full, socket.create_connection(full.getsockname())]
pending = socket.socket(); pending.setblocking(False); pending.connect_ex(full.getsockname())   # syn-sent
dual = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
keep += [pending, dual, socket.create_connection(("127.0.0.1", dual.getsockname()[1]))]
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
    one = socket.socket(socket.AF_UNIX, kind); one.bind("\\0oracle-%d" % kind); keep.append(one)
    if kind != socket.SOCK_DGRAM:
        one.listen(4)
    two = socket.socket(socket.AF_UNIX, kind); two.connect("\\0oracle-%d" % kind); keep.append(two)
time.sleep(0.5)   # acknowledgements are held back by 200 ms at most, and two look one after the other
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def enter() -> Iterator[list[str]]:
    """What to write before a command to run it in a namespace full of sockets."""
    root = os.geteuid() == 0
    unshare = ["unshare", "--net"] if root else ["unshare", "--net", "--map-root-user"]
    process = subprocess.Popen(
        [*unshare, sys.executable, "-c", INSIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    users = [] if root else ["--user", "--preserve-credentials"]
    yield ["nsenter", "--target", str(process.pid), "--net", *users]
    process.stdin.close()
    process.stdout.close()
    process.wait(10)


@pytest.fixture
def agent(enter: list[str]) -> Iterator[Agent]:
    agent = Agent.start(ProcessStream((*enter, sys.executable, *bootstrap.COMMAND[1:])), None)
    yield agent
    agent.close()


STATES = {
    "ESTAB": "established",
    "SYN-SENT": "syn-sent",
    "SYN-RECV": "syn-recv",
    "FIN-WAIT-1": "fin-wait-1",
    "FIN-WAIT-2": "fin-wait-2",
    "TIME-WAIT": "time-wait",
    "CLOSE-WAIT": "close-wait",
    "LAST-ACK": "last-ack",
    "LISTEN": "listen",
    "CLOSING": "closing",
    "UNCONN": "close",
}
NUMBERS = {
    "bytes_sent": "bytes_sent",
    "bytes_acked": "bytes_acked",
    "bytes_received": "bytes_received",
    "segs_out": "segments_out",
    "segs_in": "segments_in",
    "data_segs_out": "data_segments_out",
    "data_segs_in": "data_segments_in",
    "cwnd": "congestion_window",
    "unacked": "unacked",
    "snd_wnd": "send_window",
    "dsack_dups": "dsack_dups",
    "ino": "inode",
}
"""What `ss` prints as `name:number`, zeros left out, and our name for it."""


def number(line: str, name: str) -> str | None:
    found = re.search(rf"(?:^|[\s(]){name}:(\S+?)(?=[\s,)]|$)", line)
    return found[1] if found else None


def test_tcp_as_ss_tells_it(agent: Agent, enter: list[str]) -> None:
    found = {one.cookie: one for one in decode(agent.look(["inet"]).inet) if one.protocol == "tcp"}
    output = subprocess.run([*enter, "ss", "-taineHO"], check=True, capture_output=True, text=True).stdout
    lines = output.splitlines()
    assert len(lines) > 120
    assert len(lines) == len(found)
    seen = set()
    for line in lines:
        state, received, sent, local, remote = line.split()[:5]
        cookie = number(line, "sk")
        assert cookie is not None
        one = found[int(cookie, 16)]
        seen.add(one.state)
        assert one.state == STATES[state], line
        assert (one.receive_queue, one.send_queue) == (int(received), int(sent)), line
        assert endpoint(one, one.local_address, one.local_port) == local, line
        assert endpoint(one, one.remote_address, one.remote_port) == remote, line
        compare(one, line)
    assert seen >= {"established", "listen", "time-wait", "fin-wait-2", "close-wait", "syn-sent"}


def compare(one: InetSocket, line: str) -> None:
    if one.state != "listen":
        for theirs, ours in NUMBERS.items():
            value = number(line, theirs)
            if value is not None:
                assert str(getattr(one, ours) or 0) == value, (theirs, line)
            elif theirs != "ino":
                assert not getattr(one, ours), (theirs, line)
    if rtt := number(line, "rtt"):
        mean, variance = rtt.split("/")
        if one.rtt_us is not None:
            assert (one.rtt_us, one.rttvar_us) == (
                round(float(mean) * 1000),
                round(float(variance) * 1000),
            ), line
    if rto := number(line, "rto"):
        assert one.rto_us is not None
        assert round(one.rto_us / 1000) == round(float(rto)), line
    if minimum := number(line, "minrtt"):
        assert one.min_rtt_us == round(float(minimum) * 1000), line
    if timer := number(line, "timer"):
        names = {
            "keepalive": "keepalive",
            "timewait": "time-wait",
            "on": "retransmit",
            "persist": "zero-window-probe",
        }
        assert one.timer == names[timer.strip("(").split(",")[0]], line
    if (v6_only := number(line, "v6only")) is not None:
        assert one.v6_only == (v6_only == "1"), line


def endpoint(one: InetSocket, address: str, port: int) -> str:
    """As `ss` writes it: `*` for an address or port that is any, but `[::]` for any of IPv6 alone."""
    host = f"[{address}]" if ":" in address else address
    return f"{'*' if address == '::' and not one.v6_only else host}:{port or '*'}"


def test_unix_as_ss_tells_it(agent: Agent, enter: list[str]) -> None:
    found = {one.inode: one for one in agent.look(["unix"]).items["unix"]}
    output = subprocess.run([*enter, "ss", "-xaeHO"], check=True, capture_output=True, text=True).stdout
    kinds = {"u_str": "stream", "u_dgr": "datagram", "u_seq": "seqpacket"}
    checked = 0
    for line in output.splitlines():
        kind, state, received, sent, name, inode, _, peer = line.split()[:8]
        if not int(inode):
            continue
        one = found.pop(int(inode))
        assert one.kind == kinds[kind], line
        assert {"LISTEN": "listen", "ESTAB": "established", "UNCONN": "unconnected"}[state] == one.state, line
        assert (one.path or "*") == name, line
        assert (one.peer_inode or 0) == int(peer), line
        assert one.queue == int(received), line
        if one.state == "listen":
            assert one.queue_limit == int(sent), line
        checked += 1
    assert checked >= 6
    assert found == {}
