"""`podprobe diff` on recorded snapshots."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from podprobe.model import Listener, Snapshot, to_json
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("name", ["nosuch.json", "./nosuch", "/nosuch"])
def test_a_mistyped_file_is_a_file_that_is_not_there(run: Run, tmp_path: Path, name: str) -> None:
    result = run("diff", _file(tmp_path, "a.json", healthy_pod()), name)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"podprobe: cannot read {Path(name)}: No such file or directory\n"


@pytest.mark.parametrize(
    "words", ["- b.json < a.jsonl", "/dev/stdin b.json < a.jsonl", "<(cat a.jsonl) <(cat b.json)"]
)
def test_what_can_be_read_only_once(tmp_path: Path, words: str) -> None:
    _file(tmp_path, "a.jsonl", troubled_pod(), healthy_pod())
    (tmp_path / "b.json").write_text(to_json(_with_port(healthy_pod())))
    command = f"cat a.jsonl | {sys.executable} -m podprobe diff {words.replace('< a.jsonl', '')}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, "")
    assert "tcp [::]:9090" in done.stdout
