"""Many Pods, a line each."""

from __future__ import annotations

import msgspec

from podprobe.report import Look, Missed, renderer
from podprobe.report.summary import failure, line, section
from tests.support.hostile import ATTACK, poison
from tests.support.samples import healthy_pod, troubled_pod


def test_worst_first_and_failures_before_all() -> None:
    target = renderer("table", Look(many=True, width=100))
    assert target.add(healthy_pod()) == ""
    assert target.add(troubled_pod()) == ""
    assert target.failed(Missed("shop", "gone", 'pods "gone" not found')) == ""
    lines = target.end().splitlines()
    assert lines[0] == "3 in all, 1 with something wrong, 1 not looked at"
    assert lines[3].startswith("✖  shop/gone")
    assert 'not looked at: pods "gone" not found' in lines[4]
    assert lines[5].startswith("✖  shop/shop-7d9f5c6b8-x2x4p         8        21")
    assert "nothing wrong" not in "".join(lines[:6])


def test_a_line_names_the_worst_finding() -> None:
    found = line(troubled_pod())
    assert (found.critical, found.warnings, found.infos) == (8, 21, 6)
    assert found.worst.startswith("IPC102 ")
    assert found.ready == found.containers == 3
    assert found.restarts == 3
    assert found.partial


def test_a_healthy_line() -> None:
    found = line(healthy_pod())
    assert (found.severity, found.worst) == (None, "")
    (row,) = section([found]).rows
    assert row.cells[-1].text == "nothing wrong"


def test_a_line_keeps_nothing_of_the_snapshot() -> None:
    sizes = {
        len(msgspec.json.encode(line(pod))) for pod in (poison(troubled_pod(), "x" * 4000), troubled_pod())
    }
    assert max(sizes) < 2000


def test_hostile_names_are_safe() -> None:
    for found in (line(poison(troubled_pod())), failure(ATTACK, ATTACK)):
        assert found.label.isprintable()
        assert found.worst.isprintable()
