"""What a person sees of a snapshot on a terminal."""

from __future__ import annotations

import re

import msgspec
import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from podprobe.model import Retransmits, Snapshot, Target, Tool, Visibility
from podprobe.report import render
from podprobe.report.layout import wrap
from tests.support.changes import network
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, large_pod, troubled_pod

_EMPTY = Snapshot(
    tool=Tool(version="1"), taken_at="", duration_ms=0, target=Target(kind="local", pod="local:1")
)


def test_what_is_wrong_comes_first() -> None:
    lines = render([troubled_pod()], "table", width=80).splitlines()
    assert lines[0] == "shop/shop-7d9f5c6b8-x2x4p @ node-3"
    assert lines[2] == "✖ 8 critical   ▲ 21 warnings   · 6 info"
    codes = [line.split()[1] for line in lines if re.match(r"[✖▲·] [A-Z]{3}\d", line)]
    assert codes == [found.code for found in troubled_pod().findings]
    assert codes[:3] == ["IPC102", "NET105", "RES102"], "the critical ones first"
    assert lines.index("Map") < lines.index("Ports") < lines.index("Containers")


def test_the_row_that_a_finding_is_about_carries_its_sign_and_comes_first() -> None:
    lines = render([troubled_pod()], "table").splitlines()
    ports = lines[lines.index("Ports") + 2 :]
    assert ports[0].startswith("✖  tcp    127.0.0.1:5000  webapp")
    assert next(line for line in ports if "[::]:9090" in line).startswith("·")


def test_a_healthy_pod_says_so() -> None:
    assert "● nothing wrong" in render([healthy_pod()], "table")


def test_nothing_wrong_is_not_claimed_of_what_was_not_seen() -> None:
    blind = msgspec.structs.replace(
        _EMPTY, visibility=(Visibility(area="agent", container=None, level="none", reason="refused"),)
    )
    text = render([blind], "table")
    assert "○ nothing wrong in what was seen" in text
    assert "refused" in text


@pytest.mark.parametrize("width", [60, 80, 100, 132])
@pytest.mark.parametrize("make", [healthy_pod, troubled_pod, large_pod])
def test_it_fits_the_terminal(make: object, width: int) -> None:
    for line in render([make()], "table", width=width).splitlines():  # type: ignore[operator]
        assert cell_len(line) <= width, line


def test_colour_only_where_asked() -> None:
    plain = render([troubled_pod()], "table", width=80)
    coloured = render([troubled_pod()], "table", width=80, color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in coloured
    assert [
        line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()
    ] == plain.splitlines()


def test_the_environment_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = render([troubled_pod()], "table", width=80)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    assert render([troubled_pod()], "table", width=80) == expected


@pytest.mark.parametrize("width", [None, 80])
def test_a_hostile_pod_reaches_no_terminal(width: int | None) -> None:
    text = render([poison(troubled_pod())], "table", width=width)
    assert text.replace("\n", "").isprintable()
    assert r"\x1b]0;owned" in text
    assert len(text.splitlines()) < 2000


def test_an_empty_snapshot_is_shown() -> None:
    assert render([_EMPTY], "table", width=80).startswith("local:1\n")


def test_a_large_section_is_cut_and_says_so() -> None:
    text = render([large_pod()], "table", width=80)
    assert len(text.splitlines()) < 400


def test_wrap_breaks_at_spaces_and_inside_long_words() -> None:
    assert wrap("to be or not", 6) == ["to be", "or not"]
    assert wrap("abcdefgh ij", 5) == ["abcde", "fgh", "ij"]
    assert wrap("abcde, fg", 5) == ["abcde", "fg"]
    assert wrap("数据数据", 5) == ["数据", "数据"]
    assert wrap("数", 1) == ["数"]
    assert wrap("anything at all", None) == ["anything at all"]


def test_a_first_look_says_what_it_cannot_judge() -> None:
    counted = Retransmits(seconds=None, namespace=9, attributed=9)
    for since, said in ((None, True), (2.0, False)):
        pod = network(retransmits=replace(counted, seconds=since))
        last = render([pod], "table").splitlines()[-1]
        assert (last == "Not judged by one look: IPC104, TCP107 (podprobe watch, podprobe tui)") is said
