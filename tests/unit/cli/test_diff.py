"""`podprobe diff` on recorded snapshots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from podprobe.model import Listener, Snapshot, to_json
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]


def _file(folder: Path, name: str, *snapshots: Snapshot) -> str:
    path = folder / name
    path.write_text("".join(to_json(snapshot, indent=0) + "\n" for snapshot in snapshots))
    return str(path)


def _with_port(pod: Snapshot) -> Snapshot:
    more = (*pod.network.listeners, Listener(protocol="tcp", address="::", port=9090, container="webapp"))
    counters = msgspec.structs.replace(pod.network.counters, values={"Tcp.OutSegs": 9})
    network = msgspec.structs.replace(pod.network, listeners=more, counters=counters)
    return msgspec.structs.replace(pod, network=network)


def test_the_same_exits_0(run: Run, tmp_path: Path) -> None:
    a, b = _file(tmp_path, "a.json", healthy_pod()), _file(tmp_path, "b.json", healthy_pod())
    result = run("diff", a, f"file:{b}")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1] == "no difference"


def test_a_difference_exits_4_and_is_shown(run: Run, tmp_path: Path) -> None:
    a, b = _file(tmp_path, "a.json", healthy_pod()), _file(tmp_path, "b.json", _with_port(healthy_pod()))
    result = run("diff", a, b)
    assert result.returncode == 4
    lines = result.stdout.splitlines()
    assert lines[1] == "1 appeared"
    assert lines[4].split() == ["+", "appeared", "listener", "tcp", "[::]:9090"]
    assert lines[-1].endswith("differ too: --noise")
    assert "Tcp.OutSegs" in run("diff", a, b, "--noise").stdout


def test_json(run: Run, tmp_path: Path) -> None:
    a, b = _file(tmp_path, "a.json", healthy_pod()), _file(tmp_path, "b.json", _with_port(healthy_pod()))
    result = run("diff", a, b, "-o", "json")
    assert result.returncode == 4
    found = json.loads(result.stdout)
    assert found["schema"] == "podprobe.diff/v1"
    assert found["before"]["pod"] == healthy_pod().target.pod
    assert [(change["kind"], change["subject"]) for change in found["changes"]] == [
        ("appeared", "tcp [::]:9090")
    ]
    assert found["noise"] == []
    assert found["noise_count"] > 0


def test_of_a_recording_the_last_snapshot_counts(run: Run, tmp_path: Path) -> None:
    recording = _file(tmp_path, "rec.jsonl", troubled_pod(), healthy_pod())
    assert run("diff", recording, _file(tmp_path, "b.json", healthy_pod())).returncode == 0


@pytest.mark.parametrize("targets", [[], ["web"], ["a", "b", "c"], ["file:x"]])
def test_wrong_usage(run: Run, targets: list[str]) -> None:
    result = run("diff", *targets)
    assert (result.returncode, result.stdout) == (2, "")


def test_a_hostile_pod_is_shown_safely(run: Run, tmp_path: Path) -> None:
    a, b = _file(tmp_path, "a.json", troubled_pod()), _file(tmp_path, "b.json", poison(troubled_pod()))
    for output in ("table", "json"):
        result = run("diff", a, b, "--noise", "-o", output)
        assert result.returncode == 4
        assert result.stdout.replace("\n", "").isprintable()
