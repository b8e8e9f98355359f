"""`podprobe snapshot` on recorded snapshots, what is on stdout, on stderr, and the exit code."""

from __future__ import annotations

import json
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
from tests.support.samples import healthy_pod, troubled_pod

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
