"""`podprobe capture --read`, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "packets"


def podprobe(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "podprobe", "capture", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_table() -> None:
    done = podprobe("--read", str(DATA / "stalls.pcap"))
    assert (done.returncode, done.stderr) == (0, b"")
    page = done.stdout.decode()
    assert page.startswith("66 packets")
    assert "6 sent again (26.1 %)" in page
    assert "[::1]:5000" in page
    assert "▲" in page


def test_json_from_a_pipe() -> None:
    done = podprobe("--read", "-", "-o", "json", stdin=(DATA / "resets.pcap").read_bytes())
    assert done.returncode == 0
    capture = json.loads(done.stdout)
    assert capture["schema"] == "podprobe.capture/v1"
    assert {flow["end"] for flow in capture["flows"]} == {"reset"}


def test_a_capture_cut_short_says_so() -> None:
    done = podprobe("--read", "-", stdin=(DATA / "idles.pcap").read_bytes()[:-20])
    assert done.returncode == 0
    assert "cut short" in done.stdout.decode()


def test_errors_name_what_was_read() -> None:
    done = podprobe("--read", __file__)
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"{__file__} is no capture" in done.stderr.decode()
    assert podprobe("--read", "/does/not/exist").returncode == 2


def test_contradictions() -> None:
    assert podprobe().returncode == 2
    assert podprobe("web", "--read", "x.pcap").returncode == 2
    assert podprobe("--read", "x.pcap", "-w", "y.pcap").returncode == 2


def test_longer_than_an_agent_captures_is_refused_before_anything_begins() -> None:
    done = podprobe("local:1", "--duration", "2h")
    assert done.returncode == 2
    assert "1 h at most" in done.stderr.decode()
