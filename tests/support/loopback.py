"""A loopback with real loss on it, in a network namespace of its own: a program, and how to run it.

The server's sockets carry a classic-BPF filter that drops a share of the segments they receive (`ld rand`): what is
dropped has passed the interface, so a capture sees it, and TCP has to send it again. No root is needed where user
namespaces are allowed.

As a program, inside the namespace: ``python -m tests.support.loopback '{"scenario": ..., ...}'`` prints a line of JSON
when the traffic is over, plays the scenario again on the same connections for every line of its standard input, and
goes when that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
_SO_ATTACH_FILTER = 26
_TOTAL_RETRANS = 100  # offset of tcpi_total_retrans in struct tcp_info


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def drop(sock: socket.socket, ratio: float) -> None:
    """Drop a share of what the socket, or one accepted from it, receives."""
    instructions = (_Instruction * 4)(
        _Instruction(0x20, 0, 0, 0xFFFFF000 + 56),  # A = random number (SKF_AD_RANDOM)
        _Instruction(0x35, 0, 1, int(ratio * 2**32)),  # A >= share?
        _Instruction(0x06, 0, 0, 0xFFFFFFFF),  # keep
        _Instruction(0x06, 0, 0, 0),  # drop
    )
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(_Program(4, instructions)))


def counter(name: str) -> int:
    """A counter of the namespace's TCP, from /proc/net/snmp: what nstat shows as `TcpNAME`."""
    names, values = (
        line.split()
        for line in Path("/proc/self/net/snmp").read_text().splitlines()
        if line.startswith("Tcp:")
    )
    return int(values[names.index(name)])


def _causes() -> dict[str, int]:
    """Why segments were sent again, by the kernel's counters in /proc/net/netstat."""
    names, values = (
        line.split()
        for line in Path("/proc/self/net/netstat").read_text().splitlines()
        if line.startswith("TcpExt:")
    )
    told = dict(zip(names, values, strict=True))
    return {
        name: int(told[name])
        for name in ("TCPFastRetrans", "TCPSlowStartRetrans", "TCPTimeouts", "TCPLossProbes", "TCPSynRetrans")
    }


def retransmits(sock: socket.socket) -> int:
    """`tcpi_total_retrans` of a socket."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    (value,) = struct.unpack_from("I", info, _TOTAL_RETRANS)
    return int(value)


def _endpoint(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def lo_up() -> None:
    """Bring up the loopback of a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(
            sock, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x8 | 0x40)
        )  # SIOCSIFFLAGS: up, loopback


class Pairs:
    """Connections to a server whose sockets lose a share of what they receive."""

    def __init__(self, connections: int, loss: float, mss: int | None, family: int = socket.AF_INET) -> None:
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        if mss:
            self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 5000))
        self.listener.listen(128)
        self.pairs = []
        self.held: tuple[socket.socket, ...] = ()
        self.sent = 0
        for _ in range(connections):
            client = socket.socket(family, socket.SOCK_STREAM)
            if mss:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
            client.connect(self.listener.getsockname())
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server, _ = self.listener.accept()
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if loss:
                drop(server, loss)
            self.pairs.append((client, server))
        self.names = [_endpoint(client) for client, _ in self.pairs]


def bulk(pairs: Pairs, amount: int) -> None:
    """Every client sends `amount` bytes; the server reads them all and says so with a word."""

    def receive(server: socket.socket) -> None:
        left = amount
        while left:
            left -= len(server.recv(min(left, 65536)))
        server.sendall(b"done")

    threads = [threading.Thread(target=receive, args=(server,)) for _, server in pairs.pairs]
    threads += [threading.Thread(target=client.sendall, args=(bytes(amount),)) for client, _ in pairs.pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client, _ in pairs.pairs:
        client.recv(4)


def stream(pairs: Pairs, amount: int, pieces: int = 400) -> None:
    """Every client sends pieces of `amount` bytes, spaced: several in flight.

    While a loss is made up for some are put together with the next; with `apart` none is.
    """
    flags = socket.MSG_EOR if _PLAN.get("apart") else 0

    def receive(server: socket.socket) -> None:
        left = amount * pieces
        while left:
            left -= len(server.recv(min(left, 65536)))

    def send(client: socket.socket) -> None:
        for _ in range(pieces):
            client.sendall(bytes(amount), flags)
            time.sleep(0.0005)

    threads = [threading.Thread(target=receive, args=(server,)) for _, server in pairs.pairs]
    threads += [threading.Thread(target=send, args=(client,)) for client, _ in pairs.pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def calls(pairs: Pairs, amount: int, rounds: int = 100) -> None:
    """Requests and answers of `amount` bytes."""

    def serve(server: socket.socket) -> None:
        for _ in range(rounds):
            left = amount
            while left:
                left -= len(server.recv(left))
            server.sendall(bytes(amount))

    def call(client: socket.socket) -> None:
        for _ in range(rounds):
            client.sendall(bytes(amount))
            left = amount
            while left:
                left -= len(client.recv(left))

    threads = [threading.Thread(target=serve, args=(server,)) for _, server in pairs.pairs]
    threads += [threading.Thread(target=call, args=(client,)) for client, _ in pairs.pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stalls(pairs: Pairs, amount: int) -> None:
    """The server does not read for a second, so that its window closes; then it reads all."""
    for client, server in pairs.pairs:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sender = threading.Thread(target=client.sendall, args=(bytes(amount),))
        sender.start()
        time.sleep(1.0)
        left = amount
        while left:
            left -= len(server.recv(min(left, 65536)))
        sender.join()


def resets(pairs: Pairs, _amount: int) -> None:
    """Every server aborts its connection; a client knocks at a closed port."""
    for client, server in pairs.pairs:
        client.sendall(b"hello")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 5001))


def idles(pairs: Pairs, _amount: int) -> None:
    """Keep-alives every second on connections that say nothing."""
    for client, server in pairs.pairs:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        client.sendall(b"hello")
        server.recv(5)
    time.sleep(2.6)


def serve(pairs: Pairs, _amount: int) -> None:
    """An HTTP server on :6000 and a proxy in front of it on :6080, until the program ends."""
    plan = _PLAN
    application = socket.create_server(("127.0.0.1", 6000), backlog=128)
    proxy = socket.create_server(("127.0.0.1", 6080), backlog=128)
    if plan.get("listener_loss"):
        drop(application, plan["listener_loss"])

    def answer(request: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

    def pass_on(request: bytes) -> bytes:
        time.sleep(plan.get("delay", 0))
        if not plan.get("passes", True):
            return answer(request)
        with socket.create_connection(("127.0.0.1", 6000)) as behind:
            behind.sendall(request)
            return behind.recv(4096)

    def accept(listener: socket.socket, reply: Callable[[bytes], bytes]) -> None:
        while True:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(ConnectionError):
                if request := sock.recv(4096):
                    sock.sendall(reply(request))

    threading.Thread(target=accept, args=(application, answer), daemon=True).start()
    threading.Thread(target=accept, args=(proxy, pass_on), daemon=True).start()
    pairs.held = (application, proxy)


_PLAN: dict[str, Any] = {}


def holds(_pairs: Pairs, _amount: int) -> None:
    """Connections that say nothing."""


def floods(pairs: Pairs, _amount: int) -> None:
    """Small datagrams at `rate` a second, a burst each millisecond; none until it is played again."""
    if not pairs.held:
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind(("127.0.0.1", 6000))
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect(sink.getsockname())
        pairs.held = (sink, sender)
        return
    sink, sender = pairs.held
    sink.setblocking(False)
    burst = _PLAN["rate"] // 1000
    payload = bytes(64)
    pairs.sent = 0
    start = time.monotonic()
    for tick in range(_PLAN["seconds"] * 1000):
        for _ in range(burst):
            sender.send(payload)
        pairs.sent += burst
        time.sleep(max(0.0, start + (tick + 1) / 1000 - time.monotonic()))
    with contextlib.suppress(BlockingIOError):
        while sink.recv(64):
            pass


def steady(pairs: Pairs, amount: int, few: int = 10) -> None:
    """First, every client sends `amount` bytes, which the server reads; played again, a few send 1,000."""
    chosen, size = (
        (pairs.pairs, amount) if not pairs.sent else (pairs.pairs[:: len(pairs.pairs) // few][:few], 1000)
    )
    for client, server in chosen:
        client.sendall(bytes(size))
        left = size
        while left:
            left -= len(server.recv(left))
    pairs.sent = size * len(chosen)


SCENARIOS = {
    "floods": floods,
    "holds": holds,
    "serve": serve,
    "bulk": bulk,
    "stream": stream,
    "calls": calls,
    "stalls": stalls,
    "steady": steady,
    "resets": resets,
    "idles": idles,
}


@contextlib.contextmanager
def _captured(path: str | None, interface: str = "lo") -> Iterator[None]:
    """tcpdump while the block runs; every packet of it is in the file afterwards."""
    if path is None:
        yield
        return
    tcpdump = subprocess.Popen(
        [
            "tcpdump",
            "-i",
            interface,
            "-s",
            "128",
            "-B",
            "8192",
            "--immediate-mode",
            "-U",
            "-w",
            path,
            "-Z",
            "root",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tcpdump.stderr is not None
    while "listening" not in (line := tcpdump.stderr.readline()):
        if not line:
            raise RuntimeError("tcpdump did not start")
    yield
    time.sleep(0.3)
    tcpdump.send_signal(2)
    said = tcpdump.communicate()[1]
    if "0 packets dropped by kernel" not in said:
        raise RuntimeError(f"tcpdump lost packets: {said}")


def _play(plan: dict[str, Any]) -> tuple[Pairs, dict[str, Any]]:
    before = counter("RetransSegs")
    if not plan.get("sack", True):
        Path("/proc/sys/net/ipv4/tcp_sack").write_text("0")
    causes = Counter(_causes())
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with _captured(plan.get("capture")):
        family = socket.AF_INET6 if plan.get("ipv6") else socket.AF_INET
        pairs = Pairs(plan.get("connections", 1), plan.get("loss", 0.0), plan.get("mss"), family)
        SCENARIOS[plan["scenario"]](pairs, plan.get("amount", 0))
        flows = _flows(pairs)
        if plan.get("close"):
            for client, server in pairs.pairs:
                client.shutdown(socket.SHUT_WR)
                server.recv(1)
                server.close()
                client.recv(1)
        # What was lost last is sent again within a fifth of a second, and then backs off.
        time.sleep(plan.get("settle", 0.5))
    first, told = _told(pairs, before, flows)
    return first, told | {"causes": dict(Counter(_causes()) - causes)}


def _told(pairs: Pairs, before: int, flows: dict[str, list[int]]) -> tuple[Pairs, dict[str, Any]]:
    again = counter("RetransSegs") - before
    return pairs, {"pid": os.getpid(), "retransmitted_segments": again, "flows": flows, "sent": pairs.sent}


def _again(pairs: Pairs, plan: dict[str, Any]) -> dict[str, Any]:
    before = counter("RetransSegs")
    SCENARIOS[plan["scenario"]](pairs, plan.get("amount", 0))
    time.sleep(plan.get("settle", 0.5))
    return _told(pairs, before, _flows(pairs))[1]


def _flows(pairs: Pairs) -> dict[str, list[int]]:
    return {
        name: [retransmits(client), retransmits(server)]
        for name, (client, server) in zip(pairs.names, pairs.pairs, strict=True)
        if server.fileno() >= 0
    }


class Loopback:
    """A namespace in which a scenario has been played; its sockets live until `close`.

    Args:
        plan: `scenario`, and as it needs `connections`, `loss`, `mss`, `amount`, `ipv6`, `close`, `settle`, `capture`,
            `sack` (false: without selective acknowledgements), `apart`;
            `serve` also takes `listener_loss`, `delay` and `passes`, `floods` `rate` and `seconds`.
        own_pids: in a PID namespace of its own, too, as a container is.
    """

    def __init__(self, *, own_pids: bool = False, **plan: Any) -> None:
        self._own_pids = own_pids
        pids = ["--pid", "--fork", "--mount-proc", "--kill-child"] if own_pids else []
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        self._process = subprocess.Popen(
            [
                "unshare",
                *user,
                "--net",
                *pids,
                sys.executable,
                "-m",
                "tests.support.loopback",
                json.dumps(plan),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self.pid = 0
        self.retransmitted_segments = 0
        """By the namespace's counter, while the scenario played last."""
        self.flows: dict[str, list[int]] = {}
        """`tcpi_total_retrans` of client and server by the client's endpoint, read before the counter."""
        self.causes: Counter[str] = Counter()
        """How the kernel's counters of causes grew while the scenario was played first: `TCPFastRetrans`, …"""
        self._hear()
        self.causes.update(self.told["causes"])

    def again(self) -> None:
        """Play the scenario once more, on the same connections."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"again\n")
        self._process.stdin.flush()
        self._hear()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the scenario failed")
        self.told = told = json.loads(line)
        self.pid = psutil.Process(self._process.pid).children()[0].pid if self._own_pids else told["pid"]
        self.retransmitted_segments = told["retransmitted_segments"]
        self.flows = told["flows"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def available(*programs: str) -> str | None:
    """Why a scenario cannot be played here, or `None`."""
    for program in ("unshare", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    tried = subprocess.run(["unshare", *user, "--net", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"the kernel allows no namespaces: {tried.stderr.strip()}"


if __name__ == "__main__":
    lo_up()
    _plan = json.loads(sys.argv[1])
    _PLAN.update(_plan)
    _pairs, _first = _play(_plan)
    print(json.dumps(_first), flush=True)
    for _ in sys.stdin:
        print(json.dumps(_again(_pairs, _plan)), flush=True)
