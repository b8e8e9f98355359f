"""Client and agent, over a real process, on every Python of this machine that the agent supports."""

from __future__ import annotations

import os
import platform
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe.agents import answers, bootstrap
from podprobe.agents.client import Agent
from podprobe.agents.diag import Messages, rows
from podprobe.agents.process import ProcessStream
from podprobe.errors import AgentError
from tests.contract.conftest import pythons, start

if TYPE_CHECKING:
    from podprobe.agents.answers import Hello


@pytest.mark.parametrize("version", [f"3.{minor}" for minor in range(9, 16)])
def test_it_runs_on(version: str) -> None:
    if version not in pythons():
        pytest.skip(f"no Python {version} on this machine")
    agent = Agent.start(start(pythons()[version]), "web")
    try:
        assert agent.hello.python.startswith(version + ".")
        assert agent.hello.psutil_error is None
        look = agent.look(["inet"])
        assert look.end is not None
        assert [note for note in look.end.visibility if note.area == "inet"] == []
    finally:
        agent.close()


def test_hello_tells_the_truth(agent: Agent) -> None:
    hello: Hello = agent.hello
    assert (hello.uid, hello.gid) == (os.geteuid(), os.getegid())
    assert hello.kernel == platform.release()
    assert hello.machine == platform.machine()
    assert hello.namespaces["net"] == Path("/proc/self/ns/net").stat().st_ino
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
    assert hello.capabilities == int(effective, 16)


def test_a_listener_of_this_test_is_seen(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        look = agent.look(["inet"])
        port = server.getsockname()[1].to_bytes(2, "big")
        inode = os.fstat(server.fileno()).st_ino.to_bytes(4, sys.byteorder)
        messages = [row[3] for piece in look.inet if isinstance(piece, Messages) for row in rows(piece)]
        assert any(message[4:6] == port and message[68:72] == inode for message in messages)


def test_an_unknown_area_is_a_note_and_not_a_failure(agent: Agent) -> None:
    look = agent.look(["no_such_area", "inet"])
    assert look.inet
    assert look.end is not None
    assert [(note.area, note.level) for note in look.end.visibility] == [("no_such_area", "none")]


def test_every_area_answers_or_says_why_not(agent: Agent) -> None:
    look = agent.look([*answers.SHARED, *answers.OWN])
    assert look.end is not None
    assert look.end.duration_us > 0
    assert abs(look.end.taken_at - time.time()) < 60


def test_requests_run_side_by_side(agent: Agent) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        looks = list(pool.map(lambda _: agent.look(["inet"]), range(24)))
    assert all(look.end is not None for look in looks)


def test_it_ends_with_its_stream(agent: Agent) -> None:
    stream = agent._wire._stream
    assert isinstance(stream, ProcessStream)
    assert stream._process.stdin is not None
    stream._process.stdin.close()
    assert stream._process.wait(5) == 0


def test_it_ends_at_sigterm_even_while_it_answers(agent: Agent) -> None:
    stream = agent._wire._stream
    assert isinstance(stream, ProcessStream)
    os.kill(stream.pid, signal.SIGTERM)
    assert stream._process.wait(5) == 128 + signal.SIGTERM
    with pytest.raises(AgentError, match="stopped answering"):
        agent.look(["inet"])
    assert not agent.alive


def test_a_program_that_is_no_python_is_an_error_with_a_way_out() -> None:
    with pytest.raises(AgentError, match=r"did not start: its stream ended: .*exit status 7") as caught:
        Agent.start(ProcessStream(["sh", "-c", "echo no python here >&2; exit 7"]), "web")
    assert "no python here" in caught.value.message
    assert "--image" in caught.value.hint


def test_an_old_python_is_an_error_with_a_way_out() -> None:
    greeting = "podprobe-bootstrap 2 x86_64 glibc 3.6 64 cpython-36/00"
    with pytest.raises(AgentError, match=r"Python 3\.6, and it needs 3\.9"):
        Agent.start(ProcessStream(["sh", "-c", f"echo {greeting}; cat"]), "web")


def test_the_bootstrap_is_short_enough_for_a_request() -> None:
    """It travels in the address of the exec request, percent-encoded, and servers bound that to 8 KiB."""
    from urllib.parse import urlencode

    assert len(urlencode([("command", word) for word in bootstrap.COMMAND])) < 4096
