"""P8: a capture on loopback, headers only, at 50,000 packets a second, beside `tcpdump -w`."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.capturing import record
from podprobe.capturing.sink import to_file
from podprobe.targets.local import open_local
from tests.bench.base import Measure, SkippedError
from tests.support.loopback import Loopback, available

if TYPE_CHECKING:
    from podprobe.capturing import Recording

RATE, SECONDS = 50_000, 4
SNAP_BYTES = 128


def run() -> list[Measure]:
    """The same stream of datagrams captured by the agent, through its stream into a file, and by tcpdump."""
    reason = available("tcpdump", "nsenter")
    if reason:
        raise SkippedError(reason)
    with (
        tempfile.TemporaryDirectory() as directory,
        Loopback(scenario="floods", settle=0, rate=RATE, seconds=SECONDS) as stream,
    ):
        ours, sent = _agent(stream, Path(directory, "agent.pcap"))
        theirs, _ = _tcpdump(stream, Path(directory, "tcpdump.pcap"))
    if ours.packets is None or ours.dropped is None:
        raise SkippedError("the agent did not tell how many packets it captured")
    rate = sent / SECONDS
    return [
        Measure(
            "P8a", f"capture at {rate:,.0f} packets/s: lost", ours.dropped, "packets", "tcpdump -w", theirs,
            "0", ok=ours.dropped == 0 and rate >= 0.95 * RATE,
        ),
        Measure("P8b", "of the packets sent, in the capture", 100 * ours.packets / sent, "%", target="100 %",
                ok=ours.packets >= sent),
    ]  # fmt: skip


def _agent(stream: Loopback, path: Path) -> tuple[Recording, int]:
    target = open_local(stream.pid)
    try:
        (agent,) = target.agents(lambda _: None).agents.values()
        found: list[Recording] = []
        begun = threading.Event()

        def capture() -> None:
            with to_file(str(path)) as out:
                found.append(
                    record(
                        agent, "lo", (), out, snap_bytes=SNAP_BYTES, seconds=SECONDS + 3.0,
                        progress=lambda _: begun.set(),
                    )
                )  # fmt: skip

        thread = threading.Thread(target=capture)
        thread.start()
        begun.wait(10)
        stream.again()
        thread.join()
    finally:
        target.close()
    return found[0], stream.told["sent"]


def _tcpdump(stream: Loopback, path: Path) -> tuple[int, int]:
    """Packets dropped, and captured."""
    tcpdump = subprocess.Popen(
        ["nsenter", "--target", str(stream.pid), "--net", "tcpdump", "-i", "lo", "-s", str(SNAP_BYTES), "-w", str(path),
         "-Z", "root"], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tcpdump.stderr is not None
    while "listening" not in tcpdump.stderr.readline():
        if tcpdump.poll() is not None:
            raise SkippedError("tcpdump did not start")
    stream.again()
    tcpdump.send_signal(signal.SIGINT)
    said = tcpdump.communicate()[1]
    dropped = re.search(r"(\d+) packets dropped by kernel", said)
    captured = re.search(r"(\d+) packets captured", said)
    if dropped is None or captured is None:
        raise SkippedError(f"tcpdump says {said!r}")
    return int(dropped[1]), int(captured[1])
