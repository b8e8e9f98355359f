"""The agent's modules as code, for agents whose Python is of the client's own kind.

Compiling takes a tenth of a second, so the code is kept beside the agent's own compiled files, in `__pycache__`: who
may write there may change the agent itself. Elsewhere, in a cache that others may write to, nothing is kept: code from
there could not be told from ours, and it would run in every Pod that is looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import marshal
import os
import sys
import tempfile
import zlib
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

import podprobe_agent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FORMAT = b"2"
"""Of the file: another number when it is kept in another way."""
_DIGEST_BYTES = hashlib.sha256().digest_size


def compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Code by file name, marshalled and compressed.

    Without docstrings and without column numbers, as the agent would compile it.
    """
    seal = _seal(sources)
    path = _place()
    known = _read(path, seal)
    if known is not None:
        return known
    made = {
        file: zlib.compress(marshal.dumps(_without_columns(_code(file, source))))
        for file, source in sources.items()
    }
    if not sys.dont_write_bytecode:
        _write(path, seal, made)
    return made


def _code(file: str, source: bytes) -> CodeType:
    return compile(source, file, "exec", dont_inherit=True, optimize=2)


def _seal(sources: Mapping[str, bytes]) -> bytes:
    """What the code was made of, and for which Python: code of anything else is not used."""
    digest = hashlib.sha256(_FORMAT + importlib.util.MAGIC_NUMBER)
    for file, source in sorted(sources.items()):
        digest.update(f"{file}\0{len(source)}\0".encode())
        digest.update(source)
    return digest.digest()


def _place() -> Path:
    beside = Path(importlib.util.cache_from_source(podprobe_agent.__file__))
    return beside.with_name(f"podprobe-bundle.{sys.implementation.cache_tag}.bin")


def _read(path: Path, seal: bytes) -> dict[str, bytes] | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    content = data[2 * _DIGEST_BYTES :]
    if data[: 2 * _DIGEST_BYTES] != seal + hashlib.sha256(content).digest():
        return None
    known: dict[str, bytes] = marshal.loads(content)  # noqa: S302  # see above: as trustworthy as the program itself
    return known


def _write(path: Path, seal: bytes, made: dict[str, bytes]) -> None:
    """Keep it, where the installation may be written to."""
    content = marshal.dumps(made)
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(seal + hashlib.sha256(content).digest() + content)
                # Whoever may read the program may read this.
                os.fchmod(file.fileno(), Path(podprobe_agent.__file__).stat().st_mode & 0o666)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _without_columns(code: CodeType) -> CodeType:
    """The same code with line numbers only, as `-X no_debug_ranges` compiles it: a third less to send and to hold.

    The format is that of `Objects/locations.md` in CPython's source, the same from 3.11 on.
    """
    return code.replace(
        co_linetable=bytes(_lines(code)),
        co_consts=tuple(
            _without_columns(one) if isinstance(one, CodeType) else one for one in code.co_consts
        ),
    )


_NO_COLUMNS, _NO_LOCATION = 13, 15
_LONGEST = 8
"""Code units (of two bytes) that one entry covers at most."""


def _lines(code: CodeType) -> Iterator[int]:
    last = code.co_firstlineno
    for start, end, line in code.co_lines():
        units = (end - start) // 2
        while units > 0:
            length = min(units, _LONGEST)
            units -= length
            if line is None:
                yield 128 | _NO_LOCATION << 3 | length - 1
                continue
            yield 128 | _NO_COLUMNS << 3 | length - 1
            yield from _signed(line - last)
            last = line


def _signed(number: int) -> Iterator[int]:
    """Six bits at a time, the lowest first; the sign is the lowest bit of all."""
    rest = -number << 1 | 1 if number < 0 else number << 1
    while rest >= 64:
        yield 64 | rest & 63
        rest >>= 6
    yield rest
