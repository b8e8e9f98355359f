"""Types are worked out by one thread at a time: msgspec crashes where two do it at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_RACE = """
import sys, threading
sys.setswitchinterval(1e-6)
from podprobe.targets.kubernetes.objects import {kind}
from podprobe.targets.kubernetes.objects.wire import read
start = threading.Barrier(8)
def first():
    start.wait()
    read(b'{{}}', {kind}, "test")
threads = [threading.Thread(target=first) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
"""


@pytest.mark.parametrize("kind", ["Pod", "PodList"])
def test_many_threads_whose_first_answer_is_the_same_kind(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RACE.format(kind=kind)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_nobody_makes_a_decoder_elsewhere() -> None:
    made = re.compile(r"msgspec\.convert\(|json\.Decoder\(|json\.decode\([^\n]*type=(?!dict\[)")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "podprobe").rglob("*.py")
        if made.search(path.read_text())
    }
    assert found == {"podprobe/decoding.py"}
