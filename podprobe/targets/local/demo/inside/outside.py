"""The world outside the Pod: a network namespace from which the kubelet's probes and users' requests come."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from typing import Any

from . import interfaces, linux

POD_ADDRESS = "10.77.0.2"
OUTSIDE_ADDRESS = "10.77.0.1"
_PREFIX = 24
_PAUSE_SECONDS = 0.5


def start_outside(pod: dict[str, Any]) -> list[str]:
    """Join the Pod to the outside by an `eth0`, and start the process that sends requests to its declared ports.

    Returns:
        What could not be had, for the user to know.
    """
    ports = [port["containerPort"] for spec in pod["spec"]["containers"] for port in spec.get("ports", [])]
    made, tell_made = os.pipe()
    joined, tell_joined = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(tell_joined)
            _be_outside(tell_made, joined, sorted(set(ports)))
        finally:
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
        return [f"the Pod has no eth0 and nobody calls it from outside: {error}"]
    finally:
        os.close(tell_joined)
    return []


def _be_outside(tell_made: int, joined: int, ports: list[int]) -> None:
    linux.set_process_name("outside")
    linux.unshare(linux.CLONE_NEWNET)
    os.close(tell_made)
    if not os.read(joined, 1):
        return
    interfaces.add_address("pod0", OUTSIDE_ADDRESS, _PREFIX)
    interfaces.bring_up("pod0")
    while True:
        for port in ports:
            _request(port)
        time.sleep(_PAUSE_SECONDS)


def _request(port: int) -> None:
    """One GET, as a user or a probe would send it; an answer is read to its end, a refusal is none of our business."""
    try:
        with socket.socket() as connection:
            connection.settimeout(1)
            connection.connect((POD_ADDRESS, port))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
            while connection.recv(4096):
                pass
            # The side that closes last keeps no TIME_WAIT; a reset would show up in the Pod's counters.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
    except OSError:
        return
