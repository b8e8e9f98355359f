"""A Pod of three containers that talk to each other over 200 sockets: namespaces as a Pod's, nothing else.

Each container is one process, the first of a PID and a mount namespace; network, IPC and UTS namespaces are shared.
Root only. As a program, ``python -m tests.support.trio`` prints the containers' process ids as JSON, and goes with
its standard input, the containers with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.support.loopback import ROOT, lo_up

NAMES = ("web", "app", "worker")
CONNECTIONS = 98
"""Of two sockets each; with a listener a container and an UDP socket, 200."""
SOCKETS = 2 * CONNECTIONS + len(NAMES) + 1
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWPID, _CLONE_NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x20000000,
    0x40000000,
)
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_MNT_DETACH = 2
_MS_REC_PRIVATE = 16384 | 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _container(number: int, ready: int) -> None:
    """The first process of a container: listens, connects to the next one's listener, and holds it all."""
    _check(_libc.prctl(_PR_SET_NAME, NAMES[number].encode(), 0, 0, 0))
    _check(_libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None))
    _shed_mounts()
    _check(_libc.mount(b"proc", b"/proc", b"proc", 0, None))
    listener = socket.create_server(("127.0.0.1", 7000 + number), backlog=128)
    held = [listener]
    if number == 0:
        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        held[-1].bind(("127.0.0.1", 7053))
    os.write(ready, b"l")
    mine = len(range(number, CONNECTIONS, len(NAMES)))
    theirs = len(range((number - 1) % len(NAMES), CONNECTIONS, len(NAMES)))
    held += [_connected(("127.0.0.1", 7000 + (number + 1) % len(NAMES))) for _ in range(mine)]
    held += [listener.accept()[0] for _ in range(theirs)]
    os.write(ready, b"d")
    signal.pause()


def _shed_mounts() -> None:
    """Of this machine's mounts, keep what a container has."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for line in reversed(lines):
        path = line.split(" ")[4]
        if path != "/" and not path.startswith(("/proc", "/sys", "/dev")):
            _libc.umount2(os.fsencode(path.encode().decode("unicode_escape")), _MNT_DETACH)


def _connected(address: tuple[str, int]) -> socket.socket:
    """Connect, as soon as there is somebody to connect to."""
    while True:
        try:
            return socket.create_connection(address)
        except ConnectionRefusedError:
            time.sleep(0.01)


def main() -> None:
    """Make the containers, say who they are, and wait."""
    outside = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("net", "ipc", "uts")]
    _check(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS))
    lo_up()
    source, ready = os.pipe()
    holders = []
    for number in range(len(NAMES)):
        holder = os.fork()
        if not holder:
            _hold(number, ready, outside)
        holders.append(holder)
    for namespace in outside:
        _check(_libc.setns(namespace, 0))
    told = b""
    while len(told) < 2 * len(NAMES):
        told += os.read(source, 16)
    inits = [int(Path(f"/proc/{holder}/task/{holder}/children").read_text().split()[0]) for holder in holders]
    print(json.dumps(inits), flush=True)
    sys.stdin.read()


def _hold(number: int, ready: int, outside: list[int]) -> None:
    """Outside the container, as a runtime's shim: its end is the container's."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    _check(_libc.unshare(_CLONE_NEWPID | _CLONE_NEWNS))
    init = os.fork()
    if not init:
        _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
        _container(number, ready)
    for namespace in outside:
        _check(_libc.setns(namespace, 0))
    os.waitpid(init, 0)
    os._exit(0)


class Trio:
    """The Pod, for the length of a `with` block.

    Attributes:
        pid: of its first container's first process, as this machine numbers it.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.trio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the Pod of three containers could not be made")
        self.pids: list[int] = json.loads(line)
        self.pid = self.pids[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


if __name__ == "__main__":
    main()
