"""A session over real agents: processes of this machine stand in for containers."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from podprobe.agents.bootstrap import COMMAND
from podprobe.agents.client import Agent
from podprobe.agents.process import ProcessStream
from podprobe.errors import AgentError
from podprobe.model import Container, Target
from podprobe.session import Session, SessionOptions
from podprobe.targets.base import AgentSet, PodState, Progress
from tests.support.own_network import own_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from podprobe.agents.answers import Areas


class ThisMachine:
    """A target with two agents, both on this machine; `stay_dead` says whether a lost one is started again."""

    label = "this machine"
    live = True

    def __init__(self, *, stay_dead: bool) -> None:
        self.stay_dead = stay_dead
        self.found: dict[str | None, Agent] = {}
        self.pids: dict[str | None, int] = {}

    def state(self) -> PodState:
        containers = tuple(Container(name=name, state="running") for name in ("a", "b"))
        return PodState(target=Target(kind="local", pod="test"), containers=containers)

    def agents(self, progress: Callable[[Progress], None]) -> AgentSet:
        for name in ("a", "b"):
            if name in self.found and (self.found[name].alive or self.stay_dead):
                continue
            progress(Progress("starting", container=name))
            stream = ProcessStream([sys.executable, *COMMAND[1:]])
            self.pids[name] = stream.pid
            self.found[name] = Agent.start(stream, name)
        return AgentSet(self.found)

    def close(self) -> None:
        for agent in self.found.values():
            agent.close()


@pytest.fixture(autouse=True)
def alone() -> Iterator[bool]:
    """Sessions probe every listener of their Pod: here none of the machine's own, where that can be had."""
    with own_network() as alone:
        yield alone


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def test_probes_never_fill_an_accept_queue(alone: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=4) as server:
        port = server.getsockname()[1]
        with Session(ThisMachine(stay_dead=False), SessionOptions(probe_count=20)) as session:
            look = session.look()
        (latency,) = [item for item in look.latency if item.to == f"127.0.0.1:{port}"]
        assert (latency.count, latency.failures) == (2, 0)
        # There was room for another client all the time.
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass


def test_a_look_finds_a_listener_and_times_it(alone: bool, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    steps: list[Progress] = []
    with Session(
        ThisMachine(stay_dead=False), SessionOptions(probe_count=7, probe_count_again=2), steps.append
    ) as session:
        first = session.look()
        second = session.look()
    assert {step.container for step in steps} >= {"a", "b"}
    found = {item.port for item in first.network.listeners}
    assert found == {port} if alone else port in found
    (before,) = [item for item in first.latency if item.to == f"127.0.0.1:{port}"]
    (after,) = [item for item in second.latency if item.to == f"127.0.0.1:{port}"]
    # Nobody has seen yet what became of the first seven: no more are sent.
    assert (before.count, before.failures, after.count) == (7, 0, 7)
    assert before.p50_us is not None
    assert before.p99_us is not None
    assert 0 < before.p50_us <= before.p99_us
    assert first.network.counters.rates == {}
    assert second.network.counters.rates["Tcp.PassiveOpens"] > 0
    # The probes' own connections are no traffic of the Pod's.
    assert not [
        c
        for c in second.network.connections
        if str(port) in (c.local.split(":")[-1], c.remote.split(":")[-1])
    ]


def test_what_changes_slowly_is_asked_for_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str | None, list[set[str]]] = {"a": [], "b": []}
    look = Agent.look

    def recording(agent: Agent, areas: Sequence[str], **more: Any) -> Areas:
        asked[agent.container].append(set(areas))
        return look(agent, areas, **more)

    monkeypatch.setattr(Agent, "look", recording)
    target = ThisMachine(stay_dead=False)
    with Session(target, SessionOptions(active=False)) as session:
        first, second = session.look(), session.look()
        assert [("mounts" in areas, "inet" in areas) for areas in asked["a"]] == [(True, True), (False, True)]
        assert [("mounts" in areas, "inet" in areas) for areas in asked["b"]] == [
            (True, False),
            (False, False),
        ]
        # What was not asked again is still told: the mounts, the interfaces, and what could not be seen of them.
        # (Not what processes of this machine hold on them: those come and go.)
        assert [(m.path, m.filesystem) for m in second.mounts] == [
            (m.path, m.filesystem) for m in first.mounts
        ]
        assert first.mounts
        assert [i.name for i in second.network.interfaces] == [i.name for i in first.network.interfaces] != []
        assert {v.area for v in second.visibility} == {v.area for v in first.visibility}
        assert len(set(second.visibility)) == len(second.visibility)
        # A new agent is asked for everything.
        os.kill(target.pids["b"], signal.SIGKILL)
        _until(lambda: not target.found["b"].alive)
        session.look()
        assert [("mounts" in asked[name][-1]) for name in ("a", "b")] == [False, True]


def test_passive_means_no_connect(listener: socket.socket) -> None:
    with Session(ThisMachine(stay_dead=False), SessionOptions(active=False)) as session:
        assert session.look().latency == ()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_killed_agent_is_told_of_and_the_other_stands_in() -> None:
    target = ThisMachine(stay_dead=True)
    with Session(target, SessionOptions(active=False)) as session:
        session.look()
        os.kill(target.pids["a"], signal.SIGKILL)
        _until(lambda: not target.found["a"].alive)
        snapshot = session.look()
        assert [v.level for v in snapshot.visibility if v.area == "agent"] == ["none"]
        assert snapshot.network.counters.values
        os.kill(target.pids["b"], signal.SIGKILL)
        _until(lambda: not target.found["b"].alive)
        with pytest.raises(AgentError):
            session.look()


def test_a_killed_agent_is_started_again() -> None:
    target = ThisMachine(stay_dead=False)
    with Session(target, SessionOptions(active=False)) as session:
        session.look()
        before = target.pids["a"]
        os.kill(before, signal.SIGKILL)
        _until(lambda: not target.found["a"].alive)
        assert session.look().network.counters.values
        assert target.pids["a"] != before


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
