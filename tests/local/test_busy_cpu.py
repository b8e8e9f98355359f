"""An agent that gets no CPU: what its probes measure then is told of the machine, and not of whom they asked."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from podprobe.session import Session
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import Demo
from tests.support.agents import started_here

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.namespaces

_LOOKS = 60
_HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
except PermissionError:
    sys.exit("no real-time priority for this user")
print(flush=True)
while os.getppid() == int(sys.argv[2]):
    end = time.monotonic() + 0.012
    while time.monotonic() < end: pass
    time.sleep(0.001)
"""


@contextmanager
def _held(cpu: int) -> Iterator[None]:
    """A CPU that others have for a thousandth of a second at a time, and then not for twelve."""
    command = [sys.executable, "-c", _HOG, str(cpu), str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as hog:
        assert hog.stdout
        assert hog.stderr
        if not hog.stdout.readline():
            pytest.skip(hog.stderr.read().strip())
        try:
            yield
        finally:
            hog.kill()


def test_probes_that_waited_for_a_cpu_accuse_nobody() -> None:
    cpu = max(psutil.Process().cpu_affinity())
    with Demo(()) as demo, Session(open_local(demo.pid)) as session:
        session.look()
        for agent in started_here():
            for thread in agent.threads():
                psutil.Process(thread.id).cpu_affinity([cpu])
        with _held(cpu):
            for _ in range(_LOOKS):
                snapshot = session.look()
                found = [one for one in snapshot.findings if one.code == "RES105"]
                if found:
                    break
    (finding,) = found
    assert (finding.severity, finding.subject) == ("info", "this machine")
    assert "for a CPU in all" in finding.evidence[0]
    assert not {"TCP105"} & {one.code for one in snapshot.findings}
    assert {health for channel in snapshot.channels if (health := channel.health) != "unknown"} == {"ok"}
