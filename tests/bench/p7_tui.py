"""P7: the live view on a real (pseudo-)terminal: time to the first paint, and from a key to the paint it causes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from podprobe.model import to_json
from tests.bench.base import Measure
from tests.support.samples import healthy_pod, large_pod

ROWS, COLUMNS = 36, 120
STARTS = 7
FRAME_END = b"\x1b[?2026l"
"""The end of a synchronized update: textual ends every frame with it on a terminal that says that it knows it."""

KEYS = [
    *(["j"] * 60),
    *([" ", "\x1b[6~"] * 20),
    *(["k"] * 20),
    "G",
    "g",
    "s",
    "s",
    "s",
    "S",
    "2",
    "1",
    "3",
] * 2
"""Down, open, page down, up, last, first, sort by the next column, the other way, other views and back."""


class Terminal:
    """A program on a pseudo-terminal that answers what textual asks of a terminal."""

    def __init__(self, *arguments: str) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(sys.executable, [sys.executable, "-m", "podprobe", *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.seen = b""

    def read_until(self, wanted: bytes, seconds: float = 2.0) -> float:
        """When `wanted` came, on the performance counter; what came before it is dropped."""
        deadline = time.perf_counter() + seconds
        while wanted not in self.seen:
            left = deadline - time.perf_counter()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise TimeoutError(f"{wanted!r} did not come; the last was {self.seen[-300:]!r}")
            data = os.read(self.fd, 1 << 16)
            if b"\x1b[?2026$p" in data:
                os.write(self.fd, b"\x1b[?2026;2$y")
            self.seen += data
        at = time.perf_counter()
        self.seen = self.seen[self.seen.index(wanted) + len(wanted) :]
        return at

    def drain(self, quiet: float = 0.15) -> None:
        """Read until nothing has come for so long."""
        while select.select([self.fd], [], [], quiet)[0]:
            os.read(self.fd, 1 << 16)
        self.seen = b""

    def press(self, key: str) -> float:
        """Seconds from a key to the end of the frame that follows it."""
        start = time.perf_counter()
        os.write(self.fd, key.encode())
        return self.read_until(FRAME_END) - start

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def first_paint(file: Path) -> float:
    """Seconds from the start of the process to a painted Pod."""
    terminal = Terminal("replay", str(file))
    try:
        return terminal.read_until(b"nginx") - terminal.started
    finally:
        terminal.close()


def bare_python() -> float:
    """Seconds that starting Python, importing textual and painting a word takes: what no program can be below."""
    program = (
        "from textual.app import App\nfrom textual.widgets import Static\n"
        "class A(App):\n  def compose(self): yield Static('painted')\nA().run()"
    )
    start = time.perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(sys.executable, [sys.executable, "-c", program])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    seen = b""
    while b"painted" not in seen:
        seen += os.read(fd, 1 << 16)
    taken = time.perf_counter() - start
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return taken


def key_to_paint(file: Path) -> list[float]:
    """Seconds from key to frame, in the flows of a Pod with 10,000 connections, its largest flow opened."""
    terminal = Terminal("replay", str(file))
    try:
        terminal.read_until(b"nginx")
        terminal.drain(0.5)
        terminal.press("3")
        terminal.drain()
        terminal.press(" ")
        terminal.drain()
        taken = []
        for key in KEYS:
            try:
                taken.append(terminal.press(key))
            except TimeoutError:
                # A key that changes nothing paints nothing (down on the last row): not a frame to be timed.
                continue
            terminal.drain(0.02)
        return taken
    finally:
        terminal.close()


def run() -> list[Measure]:
    """Both halves of P7."""
    with tempfile.TemporaryDirectory() as directory:
        small, large = Path(directory, "small.json"), Path(directory, "large.json")
        small.write_text(to_json(healthy_pod()))
        large.write_text(to_json(large_pod(10_000), indent=0))
        first_paint(small), bare_python()  # files cached, bytecode compiled
        starts, bare = [], []
        for _ in range(STARTS):
            starts.append(first_paint(small))
            bare.append(bare_python())
        keys = sorted(key_to_paint(large))
    p50, p99 = statistics.median(keys), keys[int(len(keys) * 0.99)]
    start = statistics.median(starts)
    return [
        Measure(
            "P7a", "TUI: process start to first paint", start, "s",
            peer="textual painting one word", peer_value=statistics.median(bare),
            target="≤ 0.4 s", ok=start <= 0.4,
        ),
        Measure("P7b", "TUI: key to paint, 10,000 connections, p50", p50 * 1000, "ms"),
        Measure(
            "P7c", "TUI: key to paint, 10,000 connections, p99", p99 * 1000, "ms",
            target="≤ 100 ms", ok=p99 <= 0.1,
        ),
    ]  # fmt: skip
