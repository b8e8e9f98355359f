"""Pods that are too large on purpose: the look answers in its time, and says what it did not get to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podprobe.agents.answers import OWN, SHARED
from podprobe.targets.local import open_local
from tests.support.crowd import VOLUME, Crowd, available

if TYPE_CHECKING:
    from podprobe.agents.client import Agent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.namespaces,
    pytest.mark.timeout(600),
    pytest.mark.skipif(available() is not None, reason=available() or ""),
]

PROCESSES = 20_000
FILES = 1_000_000
BY_PROCESS = {"processes", "fds", "open_files", "maps", "semaphore_waiters", "locks"}


def agent_in(crowd: Crowd) -> Agent:
    target = open_local(crowd.pid)
    (agent,) = target.agents(lambda _: None).agents.values()
    return agent


def test_twenty_thousand_processes_are_listed_or_counted_and_keep_nothing_else_from_being_seen() -> None:
    with Crowd(processes=PROCESSES) as crowd:
        assert crowd.processes >= PROCESSES
        agent = agent_in(crowd)
        try:
            # The client gives up at its timeout and raises: that this returns is the bound.
            areas = [area for area in (*OWN, *SHARED) if area != "walks"]
            for _ in range(2):
                look = agent.look(areas, timeout=20)
        finally:
            agent.close()
    assert look.end is not None
    told = {note.area: note for note in look.end.visibility}
    assert set(told) <= BY_PROCESS, told
    assert all("time was over" in note.reason for note in told.values())
    seen = len({item.pid for item in look.items["processes"]})
    # The agent itself is in the namespace, and not shown.
    assert seen == crowd.processes if "processes" not in told else 0 < seen < crowd.processes
    assert look.items["mounts"]
    assert look.values["counters"].values["Tcp.CurrEstab"] == 0


def test_a_million_files_are_walked_within_the_budget_and_told_to_be_more() -> None:
    with Crowd(files=FILES) as crowd:
        agent = agent_in(crowd)
        try:
            (short,) = agent.look(["walks"], walk=[VOLUME], walk_seconds=0.2, timeout=30).items["walks"]
            (long,) = agent.look(["walks"], walk=[VOLUME], walk_seconds=100, timeout=150).items["walks"]
        finally:
            agent.close()
    assert short.complete is False
    assert short.reason == "time for the walk was over"
    assert 0 < short.inodes < long.inodes
    # A million entries are the most that one look counts, however much time it has.
    assert (long.complete, long.inodes, long.reason) == (False, 1_000_000, "stopped after 1000000 entries")
