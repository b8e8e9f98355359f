"""What a terminal sees while many Pods are looked at."""

from __future__ import annotations

import sys
import time

import pytest

from podprobe.cli.fleet_progress import FleetProgress
from podprobe.errors import TargetError
from podprobe.fleet import Member, Outcome


def _outcome(error: str = "") -> Outcome:
    return Outcome(Member("web-1", "shop"), None, TargetError(error) if error else None, 1.0)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [part for part in capsys.readouterr().err.split("\r\x1b[K") if part]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_the_estimate_waits_for_a_whole_wave(
    capsys: pytest.CaptureFixture[str], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = FleetProgress(100, 4)
    for _ in range(3):
        clock[0] += 1
        progress.count(_outcome())
    clock[0] += 1
    progress.count(_outcome())
    assert _lines(capsys) == [
        "0/100 Pods",
        "1/100 Pods",
        "2/100 Pods",
        "3/100 Pods",
        "4/100 Pods, about 2 min left",
    ]
    clock[0] += 4
    for _ in range(36):
        progress.count(_outcome())
    assert _lines(capsys)[-1] == "40/100 Pods, about 12 s left"


def test_a_failure_stays_on_the_screen_and_in_the_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = FleetProgress(3, 8)
    progress.count(_outcome("there is no Pod \x1b[2J"))
    assert _lines(capsys) == [
        "0/3 Pods",
        "podprobe: shop/web-1: there is no Pod \\x1b[2J\n",
        "1/3 Pods, 1 failed",
    ]


def test_elsewhere_only_failures_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    progress = FleetProgress(3, 8)
    progress.count(_outcome())
    progress.count(_outcome("refused"))
    progress.clear()
    assert capsys.readouterr().err == "podprobe: shop/web-1: refused\n"
