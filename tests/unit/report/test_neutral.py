"""What a hostile Pod could call things, and what a reader gets to see."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.report.neutral import neutral


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nginx", "nginx"),
        ("größe ✔ 数据", "größe ✔ 数据"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]52;c;Zm9v\x07", r"\x1b]52;c;Zm9v\x07"),
        ("\x9b2J", r"\x9b2J"),  # C1: CSI in one byte
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("a\u2028b", r"a\u2028b"),
        ("evil\u202egpj.exe", r"evil\u202egpj.exe"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("pay\u200bpal\ufeff", r"pay\u200bpal\ufeff"),
        ("\U000e0041tag", r"\U000e0041tag"),
        ("a\u3164b", r"a\u3164b"),
        ("a\u00a0b", r"a\xa0b"),
        ("\udcff", r"\udcff"),  # what surrogateescape leaves of an undecodable byte
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 4, "e\u0301\u0301" + r"\u0301\u0301"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert neutral(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert neutral("a" * 300) == "a" * 300
    assert neutral("a" * 301) == "a" * 299 + "…"
    assert neutral("ab", limit=1) == "…"
    assert neutral("ab", limit=0) == ""


def test_no_escape_is_cut_in_two() -> None:
    assert neutral("abc\x1bdef", limit=6) == "abc…"
    assert neutral("abc\x1b", limit=7) == r"abc\x1b"


@given(st.text(st.characters(codec=None)), st.integers(0, 50))
def test_nothing_invisible_passes_and_the_limit_holds(text: str, limit: int) -> None:
    result = neutral(text, limit)
    assert len(result) <= limit
    assert all(unicodedata.category(character)[0] != "C" for character in result)
    assert result.isprintable()


@given(st.text(st.characters(codec=None), max_size=100))
def test_twice_is_once(text: str) -> None:
    assert neutral(neutral(text, 5000), 5000) == neutral(text, 5000)
