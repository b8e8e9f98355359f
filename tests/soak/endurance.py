"""A client that looks at a Pod once a second for a long time: what it and its agents come to hold.

What can leak is anonymous memory and open files; both are read from /proc, from outside. Memory is the kernel's
`RssAnon`: pages of mapped files come and go with the machine's page cache, and are no leak.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

import psutil

from tests.support.agents import is_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Client: TypeAlias = Literal["tui", "watch"]

SAMPLE_SECONDS = 5.0
WARM_UP_RATIO = 0.2
"""Of the time: the live view's trends are full after 240 looks, a latency window after a minute."""
MOST_GROWTH_BYTES = 1 << 20
_WINDOW_RATIO = 0.1
"""Of the time: what the memory was is the median over so much of it, for garbage is collected when it likes."""


@dataclass
class Series:
    """One process, sample by sample."""

    name: str
    bytes: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def growth_bytes(self) -> int:
        """From right after warming up to the end."""
        return self._grown(self.bytes)

    def growth_files(self) -> int:
        """From right after warming up to the end."""
        return self._grown(self.files)

    def last_bytes(self) -> int:
        """At the end."""
        return _median(self.bytes[-self._window() :])

    def _window(self) -> int:
        return max(1, int(len(self.bytes) * _WINDOW_RATIO))

    def _grown(self, values: list[int]) -> int:
        warm, window = int(len(values) * WARM_UP_RATIO), self._window()
        return _median(values[-window:]) - _median(values[warm : warm + window])


@dataclass(frozen=True)
class Verdict:
    """How it went."""

    client: Client
    seconds: float
    looks: int
    failures: int
    processes: tuple[Series, ...]
    """The client's first, then its agents'."""

    def wrong(self) -> Iterator[str]:
        """What was not flat, in words."""
        for one in self.processes:
            if one.growth_bytes() > MOST_GROWTH_BYTES:
                yield f"{one.name} grew by {one.growth_bytes() / MOST_GROWTH_BYTES:.2f} MiB"
            if one.growth_files() > 0:
                yield f"{one.name} gained {one.growth_files()} file descriptors"
        if self.failures:
            yield f"{self.failures} looks failed"


def endure(
    client: Client,
    target: str,
    seconds: float,
    interval: float = 1.0,
    progress: Callable[[str], object] = lambda _: None,
) -> Verdict:
    """Let a client look at a target for so long, and measure.

    Args:
        client: `tui`, without a terminal, its views shown in turn; or `watch`.
        target: as a user writes it; agents are measured where they run on this machine as the client's children.
        seconds: for how long.
        interval: seconds from look to look.
        progress: told now and then how it goes.

    Raises:
        RuntimeError: the client ended early.
    """
    arguments = {
        "tui": ["-m", "tests.soak.live_view", target, str(interval)],
        "watch": ["-m", "podprobe", "watch", target, "-i", f"{interval:g}s"],
    }[client]
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as process:
        told = _Told(client, process.stdout)
        series: dict[int, Series] = {}
        began = time.monotonic()
        try:
            while (passed := time.monotonic() - began) < seconds:
                time.sleep(SAMPLE_SECONDS)
                if process.poll() is not None:
                    raise RuntimeError(f"{client} ended with {process.returncode} after {passed:.0f} s")
                _sample(process.pid, client, series)
                progress(f"{client} {passed:.0f} s, {told.looks} looks: {_brief(series.values())}")
        finally:
            process.send_signal(signal.SIGTERM)
            told.join()
        most = max(len(one.bytes) for one in series.values())
        # Helpers that start agents live for a moment; what lasted is what is judged.
        lasting = tuple(one for one in series.values() if len(one.bytes) > most // 2)
        return Verdict(client, seconds, told.looks, told.failures, lasting)


class _Told(threading.Thread):
    """Reads what the client says on its standard output, as it comes: a full pipe would stop it."""

    def __init__(self, client: Client, stream: IO[str] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._client, self._stream = client, stream
        self.looks = self.failures = 0
        self.start()

    def run(self) -> None:
        for line in self._stream:
            if self._client == "watch":
                self.looks += 1
            else:
                said = json.loads(line)
                self.looks, self.failures = said["looks"], said["failures"]


def _sample(pid: int, client: Client, series: dict[int, Series]) -> None:
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            agent = is_agent(process)
            if process.pid != pid and not agent:
                continue
            status = Path(f"/proc/{process.pid}/status").read_text()
            held = next(int(line.split()[1]) << 10 for line in status.splitlines() if "RssAnon" in line)
            name = f"agent {process.pid}" if agent else client
            one = series.setdefault(process.pid, Series(name))
            one.bytes.append(held)
            one.files.append(process.num_fds())
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, IndexError):
            continue


def _brief(processes: object) -> str:
    assert hasattr(processes, "__iter__")
    return ", ".join(f"{one.bytes[-1] / (1 << 20):.1f} MiB {one.files[-1]} files" for one in processes)


def _median(values: list[int]) -> int:
    return round(statistics.median(values))
