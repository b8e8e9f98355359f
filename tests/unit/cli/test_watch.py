"""`podprobe watch` on a recorded snapshot: a look always succeeds, so that signals and outputs can be tested."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.model import from_json, to_json
from podprobe.targets.recording import Recording
from tests.support.samples import troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]


@pytest.fixture
def target(tmp_path: Path) -> str:
    path = tmp_path / "pod.json"
    path.write_text(to_json(troubled_pod()))
    return f"file:{path}"


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Any:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_json_lines(run: Run, target: str) -> None:
    result = run("watch", target, "-i", "100ms", "--count", "3")
    assert (result.returncode, result.stderr) == (0, "")
    assert [from_json(line) for line in result.stdout.splitlines()] == [troubled_pod()] * 3


def test_plain_says_it_once(run: Run, target: str) -> None:
    result = run("watch", target, "-i", "100ms", "--count", "5", "--plain")
    assert result.stdout.count("SVC101") == 1


def test_a_recording(run: Run, target: str, tmp_path: Path) -> None:
    file = tmp_path / "rec.jsonl"
    result = run(
        "watch",
        target,
        "-i",
        "100ms",
        "--count",
        "4",
        "-q",
        "--record",
        str(file),
        "--rotate",
        "20KiB",
        "--keep",
        "9",
    )
    assert (result.returncode, result.stdout) == (0, "")
    files = sorted(tmp_path.glob("rec.jsonl*"))
    assert len(files) > 1, "20 KiB hold less than four snapshots"
    assert len(Recording(*files)) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        ["-i", "soon"],
        ["-i", "0"],
        ["-i", "99ms"],
        ["--count", "0"],
        ["--rotate", "ten"],
        ["--listen", "here"],
        ["--record", "/"],
    ],
)
def test_wrong_usage(run: Run, target: str, wrong: list[str]) -> None:
    result = run("watch", target, *wrong)
    assert (result.returncode, result.stdout) == (2, "")


def test_a_first_look_that_fails_exits_1(run: Run) -> None:
    result = run("watch", "file:/absent")
    assert (result.returncode, result.stdout) == (1, "")
    assert "/absent" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly_and_it_serves_until_then(target: str, number: signal.Signals) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "podprobe", "watch", target, "-i", "100ms", "--listen", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert from_json(process.stdout.readline()) == troubled_pod()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/metrics")
        assert re.search(r"^podprobe_up\{.*\} 1\.0$", connection.getresponse().read().decode(), re.MULTILINE)
        connection.close()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out == "" or out.endswith("\n"), "the last line is whole"


def test_a_reader_that_goes_ends_it(target: str) -> None:
    command = [sys.executable, "-m", "podprobe", "watch", target, "-i", "100ms"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (process.poll(), process.stderr.read()) == (0, "")
