"""Markdown, read by a Markdown parser."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from podprobe.report import render
from podprobe.report.markdown import inline, prose
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, large_pod, troubled_pod


def _html(text: str) -> str:
    return MarkdownIt("gfm-like", {"linkify": False}).render(text)


def test_findings_then_the_map() -> None:
    text = render([troubled_pod()], "markdown")
    assert text.startswith("## shop/shop-7d9f5c6b8-x2x4p\n")
    assert "- ✖ **SVC101** critical: A Service sends" in text
    assert text.index("**SVC101**") < text.index("**NET107**") < text.index("<details open><summary>Map (14)")
    html = _html(text)
    assert "<td>webapp</td>" in html
    assert "<strong>TCP101</strong>" in html


def test_every_table_has_its_columns() -> None:
    text = render([troubled_pod()], "markdown")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_a_healthy_pod_says_so() -> None:
    assert "**Nothing wrong.**" in render([healthy_pod()], "markdown")


def test_a_hostile_pod_makes_no_markup() -> None:
    text = render([poison(troubled_pod())], "markdown")
    assert text.replace("\n", "").isprintable()
    html = _html(text)
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= {
        "h2", "p", "ul", "li", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
    }  # fmt: skip
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


@pytest.mark.parametrize(
    "text", ["@someone", "https://evil.example", "www.evil.example", "#12", "*x*", "a `` b", "`"]
)
def test_what_would_become_a_link_or_a_mention_is_code(text: str) -> None:
    html = _html(inline(text))
    assert re.fullmatch(r"<p><code>.*</code></p>\n", html)
    assert text in html


def test_a_long_table_is_cut_and_says_so() -> None:
    pod = large_pod()
    assert len(render([pod], "markdown").splitlines()) < 1000


def test_many_pods_end_with_a_summary_worst_first() -> None:
    text = render([healthy_pod(), troubled_pod()], "markdown")
    rows = text[text.index("## All Pods") :].splitlines()
    assert rows[2] == "2 in all, 1 with something wrong."
    assert rows[6].startswith("| ✖ | shop/")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("run `ipcrm -m 0`, then wait", "run <code>ipcrm -m 0</code>, then wait"),
        ("`a` and `b|c`", "<code>a</code> and <code>b|c</code>"),
        ("one ` alone", "<code>one ` alone</code>"),
        ("see @someone `x`", "<code>see @someone</code> <code>x</code>"),
    ],
)
def test_prose_keeps_its_code(text: str, html: str) -> None:
    assert _html(prose(text)) == f"<p>{html}</p>\n"
