"""The world outside the Pod: a network namespace from which users' and the kubelet's requests come."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from . import interfaces, linux
from .faults import outside_retransmits, retransmits
from .programs import http

if TYPE_CHECKING:
    import socket

POD_ADDRESS = "10.77.0.2"
OUTSIDE_ADDRESS = "10.77.0.1"
_PREFIX = 24
_PAUSE_SECONDS = 0.5
_SHORT_PAUSE_SECONDS = 0.01
_BURST = 150
_PUBLIC = ("http", "metrics")
"""Names of the ports that are called from outside."""


def start_outside(pod: dict[str, Any], active: list[str]) -> list[str]:
    """Join the Pod to the outside by an `eth0`, and start the process that calls its public ports.

    Returns:
        What could not be had, for the user to know.
    """
    declared = [port for spec in pod["spec"]["containers"] for port in spec.get("ports", [])]
    ports = sorted({port["containerPort"] for port in declared if port.get("name") in _PUBLIC})
    made, tell_made = os.pipe()
    joined, tell_joined = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):  # a forked child must never run on into its parent's code
            os.close(tell_joined)
            _be_outside(tell_made, joined, ports, outside_retransmits.NAME in active)
        os._exit(1)
    os.close(tell_made)
    os.close(joined)
    os.read(made, 1)
    os.close(made)
    try:
        interfaces.add_veth("eth0", "pod0", pid)
        interfaces.add_address("eth0", POD_ADDRESS, _PREFIX)
        interfaces.bring_up("eth0")
        os.write(tell_joined, b"+")
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        return [f"the Pod has no eth0, and nobody calls it from outside: {error}"]
    finally:
        os.close(tell_joined)
    return []


def _be_outside(tell_made: int, joined: int, ports: list[int], lossy: bool) -> None:
    linux.set_process_name("outside")
    linux.unshare(linux.CLONE_NEWNET)
    os.close(tell_made)
    if not os.read(joined, 1):
        return
    interfaces.add_address("pod0", OUTSIDE_ADDRESS, _PREFIX)
    interfaces.bring_up("pod0")
    connections: dict[int, socket.socket] = {}
    calls = 0
    while True:
        for port in ports:
            _call(connections, port, lossy)
        calls += 1
        # A burst first, where losses are to be seen at once.
        time.sleep(_SHORT_PAUSE_SECONDS if lossy and calls < _BURST else _PAUSE_SECONDS)


def _call(connections: dict[int, socket.socket], port: int, lossy: bool) -> None:
    """One request over a connection that stays; where that fails, the next call makes another."""
    try:
        if port not in connections:
            connections[port] = http.connect((POD_ADDRESS, port))
            if lossy:
                retransmits.spoil(connections[port], outside_retransmits.SHARE)
        http.get(connections[port], "/healthz")
    except OSError:
        if port in connections:
            connections.pop(port).close()
