"""The HTML page: whole, safe and on its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest

from podprobe.model import Activity, Channel, Histogram, Snapshot, Target, Tool, from_json, to_json
from podprobe.report import Look, Missed, render, renderer
from podprobe.report.bars import bars
from podprobe.report.diagram import MOST_CHANNELS, diagram
from podprobe.report.sections import sections
from tests.support.hostile import ATTACK, poison
from tests.support.samples import healthy_pod, large_pod, troubled_pod

if TYPE_CHECKING:
    from pathlib import Path

_VOID = {"meta", "input", "br"}
_SVG_EMPTY = {"line", "rect", "circle", "path"}


class _Reader(HTMLParser):
    """Checks that elements close in order, and gathers them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _SVG_EMPTY
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_everything_is_in_it() -> None:
    page = _read(render([troubled_pod()], "html"))
    text = " ".join(page.text)
    for word in ("SVC101", "TCP101", "0x00001234", "/run/app/app.sock", "gunicorn (1)", "208 ms", "p99"):
        assert word in text
    assert ("svg", "map") in [(tag, given.get("class")) for tag, given in page.tags]
    assert sum(tag == "article" for tag, _ in page.tags) == 1


def test_it_asks_nobody_anything() -> None:
    text = render([troubled_pod()], "html")
    page = _read(text)
    for tag, given in page.tags:
        assert tag not in {"img", "link", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "srcset", "action", "style", "background"} & given.keys()
        assert not any(name.startswith("on") for name in given)
        if "href" in given:
            assert tag == "a"
            assert (given["href"] or "").startswith("https://")
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    (policy,) = [given["content"] or "" for tag, given in page.tags if "http-equiv" in given]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "attack", [ATTACK, "</script><script>alert(1)</script>", "\"'><svg onload=alert(1)>", "]]>-->"]
)
def test_a_hostile_pod_makes_no_markup(attack: str) -> None:
    honest = _read(render([troubled_pod()], "html"))
    hostile = _read(render([poison(troubled_pod(), attack)], "html"))
    # The link to a finding's documentation goes, because the attack is no https address.
    assert {tag for tag, _ in hostile.tags} == {tag for tag, _ in honest.tags} - {"a"}
    assert sum(tag == "script" for tag, _ in hostile.tags) == 1
    assert "".join(hostile.text).replace("\n", "").isprintable()


def test_many_pods_are_one_page_with_a_summary() -> None:
    target = renderer("html", Look(many=True))
    parts = [
        target.add(healthy_pod()),
        target.add(troubled_pod()),
        target.failed(Missed("shop", "gone", "<gone>")),
        target.end(),
    ]
    page = _read("".join(parts))
    assert sum(tag == "article" for tag, _ in page.tags) == 2
    assert sum(tag == "html" for tag, _ in page.tags) == 1
    assert "not looked at: <gone>" in page.text


def test_an_empty_snapshot_is_a_page() -> None:
    empty = Snapshot(tool=Tool(version="1"), taken_at="", duration_ms=0, target=Target(kind="local", pod="x"))
    _read(render([empty], "html"))
    _read(render([], "html"))


def test_a_large_pod_stays_a_page_that_opens() -> None:
    assert len(render([large_pod()], "html")) < 8_000_000


def test_the_map_keeps_lines_short_and_the_outside_first() -> None:
    pod = troubled_pod()
    crossing = (
        Channel(kind="tcp", a="nginx", b="worker", via="x"),
        Channel(kind="tcp", a="worker", b="webapp", via="y"),
        Channel(kind="tcp", a=None, b="webapp", via="z", health="broken"),
    )
    drawn = diagram(msgspec.structs.replace(pod, channels=crossing))
    assert drawn
    assert [lane.name for lane in drawn.lanes] == ["outside", "webapp", "worker", "nginx"]
    assert [line.sign for line in drawn.lines] == ["✖", "○", "○"]
    assert all(0 < line.label_x < drawn.width and 0 < line.y < drawn.height for line in drawn.lines)


def test_the_map_of_very_many_channels_is_cut_and_says_so() -> None:
    channels = tuple(Channel(kind="tcp", a="nginx", b="webapp", via=f":{port}") for port in range(500))
    drawn = diagram(msgspec.structs.replace(troubled_pod(), channels=channels))
    assert drawn
    assert (len(drawn.lines), drawn.omitted) == (MOST_CHANNELS, 500 - MOST_CHANNELS)


def test_bars_hold_every_sample() -> None:
    latency = troubled_pod().latency[0]
    drawn = bars(latency)
    assert drawn
    assert latency.histogram
    assert sum(int(bar.text.split()[0]) for bar in drawn.bars) == sum(latency.histogram.counts.values())
    assert max(bar.height for bar in drawn.bars) == drawn.height
    assert all(0 <= bar.x < drawn.width and bar.y >= 0 for bar in drawn.bars)


@pytest.mark.parametrize("counts", [{}, {-5: 1}, {10**9: 1}, {3: -1}])
def test_a_histogram_that_is_none_is_left_out(counts: dict[int, int]) -> None:
    odd = Histogram(buckets_per_octave=8, counts=counts)
    assert bars(msgspec.structs.replace(troubled_pod().latency[0], histogram=odd)) is None


_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(not _CHROMIUM, reason="no Chromium on this machine")
def test_a_browser_runs_the_pages_own_script_and_no_other(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    injected = '<script>document.title = "owned"</script>'
    # Past the escaping, so that the policy is all that stands between the script and the page.
    page.write_text(render([troubled_pod()], "html").replace("</article>", injected + "</article>"))
    command = [
        _CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
    ]
    dom = subprocess.run(
        [*filter(None, command), "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert '<button title="sort">' in dom, "our script did not run: its hash in the policy is wrong"
    assert "<title>owned</title>" not in dom


@pytest.mark.skipif(not _CHROMIUM or not shutil.which("gs"), reason="no Chromium, or no Ghostscript")
def test_paper_has_every_column(tmp_path: Path) -> None:
    pod = troubled_pod()
    active = Activity(seconds=1.0, bytes_sent_per_second=123_456.0, bytes_received_per_second=123_456.0)
    flows = tuple(msgspec.structs.replace(flow, activity=active) for flow in pod.network.flows)
    pod = msgspec.structs.replace(pod, network=msgspec.structs.replace(pod.network, flows=flows))
    text = render([from_json(to_json(pod).replace('"webapp"', f'"{"webapp-" * 8}a"'))], "html")
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(text)
    command = [
        _CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
    ]
    subprocess.run(
        [*filter(None, command), f"--print-to-pdf={pdf}", page.as_uri()],
        capture_output=True,
        check=True,
        timeout=60,
    )
    printed = subprocess.run(
        ["gs", "-q", "-sDEVICE=txtwrite", "-o", "-", str(pdf)], capture_output=True, text=True, check=True
    ).stdout
    # What is beyond the paper's edge is not in the PDF; "fi" is one character there.
    words = Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", printed)))
    wanted = Counter(
        word
        for section in sections(pod, detail=True)
        for column in section.columns
        for word in re.findall(r"\w+", column.title)
    )
    assert wanted - words == Counter()
