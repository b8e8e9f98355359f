"""Time to connect to a unix socket: until the server's backlog has taken the connection."""

from __future__ import annotations

import errno
import os
import socket
import time

from podprobe_agent import inroot
from podprobe_agent.errors import RefusedError
from podprobe_agent.probes.tcp import send_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def prepare(arguments: dict[str, Any], _: dict[str, int]) -> Callable[[], int]:
    """A probe to a path as the container has it, or to an abstract ``@name``.

    Raises:
        RefusedError: the container's files are out of reach.
    """
    to: str = arguments["to"]
    address = reachable(to, int(arguments.get("root_pid", 1)))
    timeout = send_timeout(float(arguments["timeout"]))
    kinds = [socket.SOCK_STREAM, socket.SOCK_SEQPACKET]

    def measure() -> int:
        while True:
            with socket.socket(socket.AF_UNIX, kinds[0] | socket.SOCK_CLOEXEC) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
                connect = sock.connect_ex
                clock = time.perf_counter_ns
                start = clock()
                failure = connect(address)
                duration = clock() - start
            if failure == errno.EPROTOTYPE and len(kinds) > 1:
                del kinds[0]
                continue
            if failure:
                raise OSError(failure, os.strerror(failure))
            return duration

    return measure


def reachable(to: str, root_pid: int) -> str:
    """The address by which this process reaches a path as the container has it, or an abstract ``@name``.

    Raises:
        RefusedError: the container's files are out of reach.
    """
    return "\0" + to[1:] if to.startswith("@") else _address(to, root_pid)


def _address(path: str, root_pid: int) -> str:
    """A path that leads this process to the container's socket, links in it followed as the container would.

    It goes through a descriptor, which stays open: the agent does not live long. That also serves paths longer
    than the 108 bytes of an address.

    Raises:
        RefusedError: see `prepare`.
    """
    try:
        return f"/proc/self/fd/{inroot.open_path(root_pid, os.fsencode(path))}"
    except PermissionError as error:
        if _same_files(root_pid):
            return path
        raise RefusedError(f"{path} is out of this agent's reach: {error.strerror}") from None
    except OSError as error:
        raise RefusedError(f"{path} is not there: {error.strerror}") from None


def _same_files(pid: int) -> bool:
    """Whether a process certainly has the agent's own mounts."""
    try:
        return os.stat("/proc/self/ns/mnt").st_ino == os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return False
