"""The agent's code: what Python itself would have made, kept where only podprobe's owner may write."""

from __future__ import annotations

import marshal
import subprocess
import sys
import zlib
from itertools import groupby
from types import CodeType
from typing import TYPE_CHECKING

import pytest

from podprobe.agents import bundle, compiling

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = b'''"""Words."""
import os
class Thing:
    """More words."""
    def act(self, *names):
        """And more."""

        for name in names:
            yield (
                lambda: (name,
                         os.getpid())
            )
'''


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "made" / "bundle.bin"
    monkeypatch.setattr(compiling, "_place", lambda: path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return path


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(inner for one in code.co_consts if isinstance(one, CodeType) for inner in codes(one))]


def lines(code: CodeType) -> list[tuple[int | None, int]]:
    """Line, and how many bytes of code in a row are its."""
    found = groupby(((end - start, line) for start, end, line in code.co_lines()), key=lambda one: one[1])
    return [(line, sum(length for length, _ in pieces)) for line, pieces in found]


def test_lines_are_kept_and_columns_are_not() -> None:
    for file, source in {**bundle._agent(), "thing.py": SOURCE}.items():
        whole = compile(source, file, "exec", dont_inherit=True, optimize=2)
        bare = compiling._without_columns(whole)
        for one, other in zip(codes(whole), codes(bare), strict=True):
            assert lines(one) == lines(other), file
            assert one.co_code == other.co_code
            assert {position[2:] for position in other.co_positions()} == {(None, None)}


def test_it_is_what_python_would_make() -> None:
    program = (
        "import marshal, sys; source = sys.stdin.buffer.read(); "
        "sys.stdout.buffer.write(marshal.dumps(compile(source, 'thing.py', 'exec', dont_inherit=True)))"
    )
    python = [sys.executable, "-OO", "-X", "no_debug_ranges", "-c", program]
    done = subprocess.run(python, input=SOURCE, capture_output=True, check=True)
    made = marshal.loads(zlib.decompress(compiling.compiled({"thing.py": SOURCE})["thing.py"]))
    for one, other in zip(codes(marshal.loads(done.stdout)), codes(made), strict=True):
        assert lines(one) == lines(other)
        assert one.co_code == other.co_code
        assert [c for c in one.co_consts if not isinstance(c, CodeType)] == [
            c for c in other.co_consts if not isinstance(c, CodeType)
        ]


def test_it_is_kept_for_the_same_sources_only(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    made = compiling.compiled({"a.py": b"x = 1"})
    assert [path.name for path in place.parent.iterdir()] == ["bundle.bin"]
    monkeypatch.setattr(compiling, "_without_columns", None)  # compiling again would fail
    assert compiling.compiled({"a.py": b"x = 1"}) == made
    with pytest.raises(TypeError):
        compiling.compiled({"a.py": b"x = 2"})
    with pytest.raises(TypeError):
        compiling.compiled({"b.py": b"x = 1"})


@pytest.mark.parametrize("offset", [0, 40, 70])
def test_what_was_tampered_with_or_cut_is_made_anew(place: Path, offset: int) -> None:
    made = compiling.compiled({"a.py": b"x = 1"})
    data = bytearray(place.read_bytes())
    data[offset] ^= 1
    place.write_bytes(data)
    assert compiling.compiled({"a.py": b"x = 1"}) == made
    place.write_bytes(data[:offset])
    assert compiling.compiled({"a.py": b"x = 1"}) == made


def test_where_nothing_may_be_written_it_works_all_the_same(place: Path) -> None:
    place.parent.write_text("a file, and no directory")
    assert compiling.compiled({"a.py": b"x = 1"})
