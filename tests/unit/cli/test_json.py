"""Every `-o json`: no Pod's name, path or message reaches a terminal as anything but plain characters."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click
import msgspec
import pytest
import yaml

from podprobe.cli import COMMANDS, capture, latency
from podprobe.measuring import Found
from podprobe.model import Snapshot, from_json, to_json
from podprobe.model.capture import Capture, CapturedFlow, Sent
from podprobe.targets import kubernetes
from podprobe.targets.kubernetes.diagnosis import Check
from podprobe.targets.recording import Recorder
from tests.support.hostile import ATTACK, poison
from tests.support.samples import healthy_pod, troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]

EVIL = ATTACK + "\x9d0;owned\x9c\x7f\u2066\U000e0041"


def evil_pod() -> Snapshot:
    return poison(troubled_pod(), EVIL)


def snapshot_file(folder: Path, name: str = "evil.json", pod: Snapshot | None = None) -> str:
    file = folder / name
    # As another tool would have written it: with the characters themselves.
    file.write_bytes(msgspec.json.encode(pod or evil_pod()))
    return str(file)


def manifest(folder: Path) -> str:
    probe = {"httpGet": {"port": EVIL[:15]}}
    containers = [{"name": EVIL, "image": EVIL, "readinessProbe": probe}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": EVIL}, "spec": {"containers": containers}}
    file = folder / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    return str(file)


def said_by_capture(run: Run, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    del run, folder
    flow = CapturedFlow(
        protocol="tcp", client=EVIL, server=EVIL, from_container=EVIL, started_us=0, duration_us=1,
        from_client=Sent(), from_server=Sent(),
    )  # fmt: skip
    capture._print(Capture(flows=(flow,)), "json")
    return capfd.readouterr().out


def said_by_latency(run: Run, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    del run, folder
    found = Found(list(evil_pod().latency), [], [], [EVIL], interrupted=False)
    latency._print(found, "json", with_prices=True)
    said = capfd.readouterr()
    return said.out + said.err


def said_by_doctor(run: Run, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    del folder, capfd
    check = Check(name=EVIL, level="ok", detail=EVIL, remedy=EVIL)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kubernetes, "diagnose", lambda *_: iter([check]))
        return str(run("doctor", "-o", "json").stdout)


SAID: dict[str, Callable[[Run, Path, pytest.CaptureFixture[str]], str]] = {
    "snapshot": lambda run, folder, _: run("snapshot", f"file:{snapshot_file(folder)}", "-o", "json").stdout,
    "diff": lambda run, folder, _: (
        run(
            "diff",
            snapshot_file(folder),
            snapshot_file(folder, "well.json", healthy_pod()),
            "-o",
            "json",
        ).stdout
    ),
    "split": lambda run, folder, _: (
        run(
            "split",
            f"file:{snapshot_file(folder)}",
            "-c",
            evil_pod().containers[0].name,
            "-o",
            "json",
        ).stdout
    ),
    "lint": lambda run, folder, _: run("lint", "-f", manifest(folder), "-o", "json").stdout,
    "capture": said_by_capture,
    "latency": said_by_latency,
    "doctor": said_by_doctor,
}


def test_all_of_them_are_here() -> None:
    with_json = set()
    for name in COMMANDS:
        command: click.Command = importlib.import_module(f"podprobe.cli.{name}").command
        with_json |= {
            name
            for option in command.params
            if isinstance(option.type, click.Choice) and "json" in option.type.choices
        }
    assert with_json == set(SAID)


@pytest.mark.parametrize("command", SAID)
def test_nothing_that_a_terminal_obeys_or_hides(
    command: str, run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = SAID[command](run, tmp_path, capfd)
    assert "script" in text, "the attack is not even there"
    assert text.replace("\n", "").isprintable()


def test_files_of_snapshots_too(tmp_path: Path) -> None:
    pod = evil_pod()
    with Recorder(tmp_path / "recorded.jsonl") as recorder:
        recorder.write(pod)
    for text in (to_json(pod), (tmp_path / "recorded.jsonl").read_text("utf-8")):
        assert text.replace("\n", "").isprintable()
        assert from_json(text) == pod
