"""What an agent with few rights sees, what it says of the rest, and that agents tell each other apart from the Pod."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif(os.geteuid() != 0, reason="processes of several users need root"),
]


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Any]]:
    # Not pytest's own directory: another user has to come through.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        source = Path(__file__).parents[2] / "agent"
        shutil.copytree(source / "podprobe_agent", Path(name) / "code" / "podprobe_agent")
        run = subprocess.run(
            ["unshare", "--pid", "--ipc", "--mount", "--fork", "--mount-proc", "--kill-child",
             sys.executable, Path(__file__).parent / "supervisor.py", name],
            capture_output=True, text=True, timeout=100, env={**os.environ, "PYTHONPATH": f"{name}/code"},
        )  # fmt: skip
        if "Permission denied" in run.stderr and sys.executable in run.stderr:
            pytest.skip("another user may not run this Python")
        assert run.returncode == 0, run.stderr
        assert run.stderr == ""
        result: dict[str, Any] = json.loads(run.stdout)
        yield {**result, "volume": f"{name}/volume"}


def test_the_agent_has_no_capability(seen: dict[str, Any]) -> None:
    assert seen["few"]["caps"] == 0


@pytest.mark.parametrize("which", ["few", "all"])
def test_agents_leave_themselves_out_and_know_each_other(seen: dict[str, Any], which: str) -> None:
    mine, others = seen["holders"] if which == "few" else seen["holders"][::-1]
    processes = {p["pid"]: p for p in seen[which]["processes"]}
    assert seen[which]["pid"] not in processes
    assert mine not in processes
    assert not [p for p in processes.values() if p["parent"] == mine]
    agents = {pid for pid, process in processes.items() if process["agent"]}
    assert others in agents
    assert agents == {others, *(p["pid"] for p in processes.values() if p["parent"] == others)}
    assert seen["idle"] in processes  # somebody else's debug container is no agent
    assert processes[1]["uid"] == 4321


def test_what_is_closed_is_told_once_with_the_reason(seen: dict[str, Any]) -> None:
    notes = {note["area"]: note for note in seen["few"]["notes"]}
    assert notes.keys() >= {"fds", "open_files", "maps"}
    for area in ("fds", "open_files", "maps"):
        note = notes[area]
        assert note["level"] == "partial"
        assert "1 (python" in note["reason"]
        assert f"{seen['worker']} (" not in note["reason"]
        assert not [holder for holder in seen["holders"] if f" {holder} (" in note["reason"]]
        assert "Permission denied" in note["reason"]
        assert "--profile ptrace" in note["allow"]
    assert seen["all"]["notes"] == []


def test_a_closed_first_process_does_not_close_its_container(seen: dict[str, Any]) -> None:
    few = seen["few"]
    (volume,) = [mount for mount in few["mounts"] if mount["path"] == seen["volume"]]
    assert volume["bytes"] == 1 << 20
    assert [file["name"] for file in few["dev_shm"]] == ["theirs"]
    (walk,) = few["walks"]
    assert (walk["inodes"], walk["bytes"], walk["complete"]) == (2, 12288, True)
    assert few["cgroup"] == {**few["cgroup"], "version": seen["all"]["cgroup"]["version"]}


def test_open_files_are_counted_even_where_they_may_not_be_looked_at(seen: dict[str, Any]) -> None:
    by_root = {process["pid"]: process for process in seen["all"]["processes"]}
    assert by_root[1]["open_files"] >= 3
