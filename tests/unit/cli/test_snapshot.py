"""`podprobe snapshot` on recorded snapshots, what is on stdout, on stderr, and the exit code."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest

from podprobe.cli.exits import ExitCode
from podprobe.cli.snapshot import worst
from podprobe.model import Snapshot, from_json, json_schema, to_json
from podprobe.report import FORMATS
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, large_pod, troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]


def _file(folder: Path, name: str, snapshot: Snapshot) -> str:
    path = folder / name
    path.write_text(to_json(snapshot))
    return f"file:{path}"


@pytest.fixture
def healthy(tmp_path: Path) -> str:
    return _file(tmp_path, "healthy.json", healthy_pod())


@pytest.fixture
def troubled(tmp_path: Path) -> str:
    return _file(tmp_path, "troubled.json", troubled_pod())


def test_exit_codes(run: Run, healthy: str, troubled: str, tmp_path: Path) -> None:
    warned = msgspec.structs.replace(
        troubled_pod(),
        findings=tuple(found for found in troubled_pod().findings if found.severity == "warning"),
    )
    warning = _file(tmp_path, "warning.json", warned)
    codes = {
        (healthy, "warning"): 0,
        (troubled, "none"): 0,
        (troubled, "critical"): 3,
        (troubled, "warning"): 3,
        (warning, "warning"): 4,
        (warning, "critical"): 0,
        ("file:/absent", "none"): 1,
    }
    assert {key: run("snapshot", key[0], "--fail-on", key[1]).returncode for key in codes} == codes


@pytest.mark.parametrize(
    "wrong",
    [
        ["--no-such-flag"],
        ["-o", "xml", "file:x"],
        [],
        ["file:x", "-l", "app=web"],
        ["--parallel", "0", "file:x"],
    ],
)
def test_wrong_usage_exits_2_with_nothing_on_stdout(run: Run, wrong: list[str]) -> None:
    result = run("snapshot", *wrong)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr


@pytest.mark.parametrize("output", FORMATS)
def test_stdout_is_data_only(run: Run, troubled: str, output: str) -> None:
    result = run("snapshot", troubled, "-o", output)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
    assert "\x1b" not in result.stdout


def test_several_json_are_lines(run: Run, healthy: str, troubled: str) -> None:
    result = run("snapshot", healthy, troubled, "-o", "json")
    found = [from_json(line) for line in result.stdout.splitlines()]
    assert sorted(len(snapshot.findings) for snapshot in found) == [
        len(healthy_pod().findings),
        len(troubled_pod().findings),
    ]


def test_one_of_many_that_fails_is_told_and_exits_1(run: Run, healthy: str, troubled: str) -> None:
    result = run("snapshot", healthy, "file:/absent", troubled, "--fail-on", "warning")
    assert result.returncode == 1
    assert result.stderr == "podprobe: file:/absent: cannot read /absent: No such file or directory\n"
    lines = result.stdout.splitlines()
    assert lines[0] == "3 in all, 1 with something wrong, 1 not looked at"
    assert lines[3].startswith("✖  file:/absent")
    assert lines[4].startswith("✖  shop/")


def test_a_directory_gets_a_file_each_and_stdout_the_summary(run: Run, healthy: str, tmp_path: Path) -> None:
    evil = msgspec.structs.replace(troubled_pod(), target=poison(troubled_pod(), "../../evil/\n").target)
    out = tmp_path / "out"
    result = run("snapshot", healthy, healthy, _file(tmp_path, "evil.json", evil), "--out", str(out))
    assert result.returncode == 0
    assert result.stdout.startswith("3 in all")
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "evil_shop_.._.._evil_shop-7d9f5c6b8-x2x4p.json",
        "shop_shop-7d9f5c6b8-x2x4p.json",
        "shop_shop-7d9f5c6b8-x2x4p_2.json",
    ]
    for path in out.iterdir():
        jsonschema.validate(json.loads(path.read_text()), json_schema())


def test_a_file_in_the_way_of_the_directory(run: Run, healthy: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    result = run("snapshot", healthy, "--out", str(tmp_path / "out"))
    assert result.returncode == 2
    assert "cannot make the directory" in result.stderr


def test_a_reader_that_has_gone_is_no_error(troubled: str) -> None:
    command = f"{sys.executable} -m podprobe snapshot {troubled} {troubled} -o json | head -c 10"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def _piped(arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command line of the shell, with `podprobe` in it."""
    command = f'set -o pipefail; podprobe() {{ {sys.executable} -m podprobe "$@"; }}; {arguments}'
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, check=False, env={**os.environ, **environment}
    )


def test_a_verdict_outlives_the_reader_of_the_output(troubled: str) -> None:
    for target in (troubled, f"{troubled} {troubled} {troubled}"):
        result = _piped(f"podprobe snapshot {target} -o html --fail-on critical | head -c 10")
        assert (result.returncode, result.stderr) == (ExitCode.CRITICAL, b"")


@pytest.mark.parametrize(
    "command", ["snapshot", "snapshot -o html", "watch --plain --count 1", "watch --count 1"]
)
def test_a_stdout_that_takes_nothing_is_an_error_of_one_line(troubled: str, command: str) -> None:
    result = _piped(f"podprobe {command} {troubled} > /dev/full")
    assert (result.returncode, result.stderr) == (
        1,
        b"podprobe: cannot write to stdout: No space left on device\n",
    )


def test_data_is_utf_8_and_no_character_is_one_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    file.write_text(to_json(poison(troubled_pod(), "\u2192\U0001f980")))
    result = _piped(f"podprobe snapshot file:{file} -o json", PYTHONIOENCODING="latin-1")
    assert from_json(result.stdout) == from_json(file.read_bytes())
    shown = _piped(
        f"script -qec '{sys.executable} -m podprobe snapshot file:{file}' /dev/null",
        PYTHONIOENCODING="latin-1",
    )
    assert shown.returncode == 0
    assert rb"\U0001f980" in shown.stdout


def test_a_full_disk_is_each_pods_failure_and_leaves_nothing_behind(
    run: Run, healthy: str, troubled: str, tmp_path: Path
) -> None:
    large = _file(tmp_path, "large.json", large_pod(2_000))
    out = tmp_path / "out"
    # One file may be so large, as one may on a disk with little left.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        result = run("snapshot", healthy, large, troubled, "--out", str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.returncode == 1
    assert result.stderr.startswith(f"podprobe: {large}: cannot write {out}/")
    assert result.stdout.startswith("3 in all, 1 with something wrong, 1 not looked at")
    names = {path.name for path in out.iterdir()}
    assert len(names) == 2
    assert not any(name.endswith(".part") for name in names)


def test_the_worst_code_of_many() -> None:
    ok, failed, critical, warning = ExitCode.OK, ExitCode.COULD_NOT_LOOK, ExitCode.CRITICAL, ExitCode.WARNING
    assert worst({ok, warning, critical, failed}) == failed
    assert worst({ok, warning, critical}) == critical
    assert worst({ok, warning}) == warning
    assert worst({ok}) == worst(set()) == ok


def test_an_error_that_quotes_a_hostile_name_is_shown_safely(run: Run, tmp_path: Path) -> None:
    result = run("snapshot", f"file:{tmp_path}/\x1b]0;owned\x07")
    assert result.returncode == 1
    assert r"\x1b]0;owned\x07" in result.stderr
