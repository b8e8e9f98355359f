"""`podprobe capture` on a local target, as a user runs it: packets by the agent, flows by the child process."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.packets.__main__ import analyse
from tests.support.loopback import Loopback, available

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif((why := available()) is not None, reason=str(why)),
    pytest.mark.skipif(os.geteuid() != 0, reason="an agent has NET_RAW in this namespace only for root"),
]


class Capturing:
    """A capture under way; `end` interrupts it, as Ctrl-C does."""

    def __init__(self, pid: int, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "podprobe", "capture", f"local:{pid}", "--duration", "60s", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        while b"capturing on" not in (line := self.process.stderr.readline()):
            assert line, self.process.communicate()

    def end(self) -> tuple[bytes, str]:
        """Standard output and error."""
        self.process.send_signal(signal.SIGINT)
        out, error = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, error.decode()
        return out, error.decode()


def test_a_capture_ended_by_hand_counts_what_the_kernel_counted(tmp_path: Path) -> None:
    file = tmp_path / "loopback.pcap"
    with Loopback(scenario="calls", connections=3, loss=0.05, amount=500) as loopback:
        capturing = Capturing(loopback.pid, "--filter", "tcp port 5000", "-w", str(file), "-o", "json")
        _wait_for_header(file)
        loopback.again()
        out, error = capturing.end()
    capture: dict[str, Any] = json.loads(out)
    assert capture["totals"]["retransmitted_segments"] == loopback.retransmitted_segments > 0
    assert capture["dropped"] == 0
    assert capture["flow_count"] == 3
    owners = {(flow["from_container"], flow["to_container"]) for flow in capture["flows"]}
    assert len(owners) == 1
    assert None not in owners.pop()
    assert f"captured {capture['packets']:,} packets to {file}, dropped 0" in error
    with file.open("rb") as stream:
        assert analyse(stream).packets == capture["packets"]


def test_packets_on_stdout_are_a_capture_and_nothing_else(tmp_path: Path) -> None:
    piped = tmp_path / "piped.pcap"
    with Loopback(scenario="calls", connections=1, amount=100) as loopback:
        with piped.open("wb") as out:
            capturing = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "podprobe",
                    "capture",
                    f"local:{loopback.pid}",
                    "--duration",
                    "60s",
                    "-w",
                    "-",
                ],
                stdout=out,
                stderr=subprocess.PIPE,
            )
            _wait_for_header(piped)
            loopback.again()
            capturing.send_signal(signal.SIGINT)
            error = capturing.communicate(timeout=60)[1].decode()
        assert capturing.returncode == 0, error
    with piped.open("rb") as stream:
        capture = analyse(stream)
    assert capture.packets > 100
    assert capture.cut_short is None
    assert f"captured {capture.packets:,} packets" in error


def test_a_full_disk_ends_the_capture_and_what_came_before_is_told(tmp_path: Path) -> None:
    file = tmp_path / "full.pcap"
    with Loopback(scenario="calls", connections=3, amount=500, settle=0) as loopback:
        capturing = Capturing(loopback.pid, "-w", str(file), "-o", "json")
        _wait_for_header(file)
        resource.prlimit(capturing.process.pid, resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
        loopback.again()
        out, error = capturing.process.communicate(timeout=60)
    assert capturing.process.returncode == 0, error.decode()
    assert "ended early: the packets cannot be kept any more (File too large)" in error.decode()
    capture = json.loads(out)
    assert 100 < capture["packets"] < 500
    assert capture["cut_short"] is None


@pytest.mark.parametrize("wrong", [("-i", "eth7"), ("--filter", "port of call"), ("--duration", "2h")])
def test_a_capture_that_does_not_begin_leaves_the_file_that_was_there(
    tmp_path: Path, wrong: tuple[str, str]
) -> None:
    file = tmp_path / "kept.pcap"
    file.write_text("precious")
    with Loopback(scenario="holds", settle=0) as loopback:
        done = subprocess.run(
            [sys.executable, "-m", "podprobe", "capture", f"local:{loopback.pid}", "--duration", "1s", "-w", str(file),
             *wrong],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode in (1, 2), done.stderr
    assert file.read_text() == "precious"


def test_an_interface_that_is_not_there() -> None:
    with Loopback(scenario="holds", settle=0) as loopback:
        done = subprocess.run(
            [sys.executable, "-m", "podprobe", "capture", f"local:{loopback.pid}", "-i", "eth7", "--duration", "1s"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "eth7" in done.stderr
    assert done.stdout == ""


def _wait_for_header(file: Path) -> None:
    deadline = time.monotonic() + 30
    while not file.exists() or not file.stat().st_size:
        assert time.monotonic() < deadline, "the capture did not begin"
        time.sleep(0.05)
