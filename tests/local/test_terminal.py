"""What a hostile Pod can do to the terminal of whoever looks at it: nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.namespaces

NAME = "\x1b]0;owned\x07"
"""Sets a window's title. With it the process calls itself, and so its container is called."""
SOCKET = "\x1b]52;c;ZXZpbA==\x07\x9b2J"
"""Writes to the clipboard; clears the screen by a C1 control character."""
HOSTILE = f"""
import ctypes, socket, time
ctypes.CDLL(None).prctl(15, {NAME.encode()!r}, 0, 0, 0)
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0" + {SOCKET!r})
listener.listen(5)
print("ready", flush=True)
time.sleep(300)
"""


@pytest.fixture
def hostile() -> Iterator[int]:
    """The process id of a Pod whose names are escape sequences."""
    namespaces = ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
    if os.geteuid():
        namespaces[1:1] = ["--user", "--map-root-user"]
    with subprocess.Popen([*namespaces, sys.executable, "-c", HOSTILE], stdout=subprocess.PIPE) as pod:
        assert pod.stdout is not None
        assert pod.stdout.readline() == b"ready\n"
        children = Path(f"/proc/{pod.pid}/task/{pod.pid}/children").read_text()
        yield int(children.split()[0])
        pod.kill()


def on_a_terminal(*arguments: str) -> tuple[bytes, int]:
    """All that a command writes to the terminal it runs on, and its exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", PYTHONPATH=os.pathsep.join(sys.path))
        os.execv(sys.executable, [sys.executable, "-m", "podprobe", *arguments])
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            seen += os.read(terminal, 1 << 16)
        except OSError:  # EIO: the other side is gone
            break
    os.close(terminal)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("latency", "--count", "3"), 0),
        (("latency", "--count", "3", "-o", "json"), 0),
        (("latency", "--count", "3", "-c", "none"), 2),
        (("snapshot",), 0),
        (("snapshot", "-o", "json"), 0),
    ],
    ids=["latency", "latency as JSON", "an error", "snapshot", "snapshot as JSON"],
)
def test_names_of_escape_sequences_stay_names(hostile: int, arguments: tuple[str, ...], status: int) -> None:
    command, *rest = arguments
    seen, ended = on_a_terminal(command, f"local:{hostile}", *rest)
    assert ended == status, seen
    text = seen.decode()
    assert "owned" in text
    for sequence in (NAME, SOCKET[:5], "\x9b", "\x07"):
        assert sequence not in text
