"""Snapshots in files: a single one, or a recording, which is JSON Lines with one snapshot a line.

A recording may be large, so a reader keeps only where each line begins. It may also be cut off in its last line, by a
full disk or a kill; what is whole before that is read.
"""

from __future__ import annotations

import glob
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Self

import msgspec

from podprobe.decoding import decode
from podprobe.errors import SnapshotError
from podprobe.model import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from podprobe.model import Snapshot

LARGEST_BYTES = 256 << 20
"""Of one snapshot: a large Pod comes to a few MiB."""
_HOW_TO_TAKE_ONE = "take one with: podprobe snapshot POD -o json"


class Recording:
    """The snapshots of some files, in the order given. Each is decoded when it is asked for.

    Raises:
        SnapshotError: a file cannot be read or holds no snapshot.
    """

    def __init__(self, *paths: Path) -> None:
        self._places: list[tuple[Path, int, int]] = []
        for path in paths:
            self._places += _places(path)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Snapshot:
        path, start, length = self._places[index]
        try:
            with path.open("rb") as file:
                file.seek(start)
                text = file.read(length)
        except OSError as error:
            raise SnapshotError(f"cannot read {path}: {error.strerror}") from None
        return from_json(text, f"{path}, byte {start}," if start else str(path))

    @property
    def end(self) -> int:
        """Where the last snapshot ends in its file, in bytes."""
        _, start, length = self._places[-1]
        return start + length

    def __iter__(self) -> Iterator[Snapshot]:
        return (self[index] for index in range(len(self)))


def last_of_stream(path: Path) -> Snapshot:
    """The last snapshot of what can only be read once: `-` (stdin), a pipe, a shell's `<(…)`.

    Raises:
        SnapshotError: it cannot be read or holds no snapshot.
    """
    source = "stdin" if str(path) == "-" else str(path)
    try:
        text = sys.stdin.buffer.read() if source == "stdin" else path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"cannot read {source}: {error.strerror}") from None
    lines = [line for line in text.splitlines(keepends=True) if line.strip()]
    if not lines:
        raise SnapshotError(f"{source} holds no snapshot", _HOW_TO_TAKE_ONE)
    if _is_indented(lines[0]):
        return from_json(text, source)
    return from_json(lines[-2] if len(lines) > 1 and _cut_off(lines[-1]) else lines[-1], source)


def is_stream(path: Path) -> bool:
    """What can only be read once."""
    return str(path) == "-" or (path.exists() and not path.is_file() and not path.is_dir())


class Recorder:
    """Appends snapshots to a file. At `rotate_bytes` the file becomes `FILE.1`, an older `FILE.1` `FILE.2`, …

    Args:
        path: the file; continued where it exists.
        rotate_bytes: the most a file may hold; `None`: no bound.
        keep: how many rotated files stay.

    Raises:
        SnapshotError: the file cannot be written, or is no recording.
    """

    def __init__(self, path: Path, *, rotate_bytes: int | None = None, keep: int = 5) -> None:
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep = keep
        try:
            if path.exists():
                _mend(path)
            self._file = path.open("ab")
        except OSError as error:
            raise SnapshotError(f"cannot write {path}: {error.strerror}") from None

    def write(self, snapshot: Snapshot) -> None:
        """Append one line, and flush it."""
        line = to_json(snapshot, indent=0).encode() + b"\n"
        try:
            if (
                self._rotate_bytes
                and self._file.tell()
                and self._file.tell() + len(line) > self._rotate_bytes
            ):
                self._rotate()
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise SnapshotError(f"cannot write {self._path}: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rotate(self) -> None:
        self._file.close()
        rotated = rotated_names(self._path, self._keep)
        for older, newer in zip(reversed(rotated[1:]), reversed(rotated[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)
        if rotated:
            self._path.replace(rotated[0])
        self._file = self._path.open("wb")


def _mend(path: Path) -> None:
    """Take away a last line that was cut off, so that the first new one does not continue it."""
    if not path.stat().st_size:
        return
    with path.open("rb") as file:
        if _is_indented(file.readline(LARGEST_BYTES)):
            raise SnapshotError(
                f"{path} is a single snapshot: a line after it would make it unreadable",
                "name another file to record to",
            )
    recording = Recording(path)
    recording[-1]  # or this is another program's file, and not ours to write to
    end = recording.end
    with path.open("r+b") as file:
        file.truncate(end)
        file.seek(end - 1)
        if file.read(1) != b"\n":
            file.write(b"\n")


def rotated_names(path: Path, keep: int) -> Sequence[Path]:
    """The names that rotation gives, newest first."""
    return [path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1)]


def with_rotated(path: Path) -> list[Path]:
    """A recording with the older files that rotation made of it, oldest first; any other file alone."""
    numbered = [
        (int(suffix), file)
        for file in path.parent.glob(f"{glob.escape(path.name)}.*")
        if (suffix := file.name.removeprefix(f"{path.name}.")).isdecimal()
        and _begins(file)
        is not None  # a name like that may be another program's file, which nobody asked for
    ]
    return [*(file for _, file in sorted(numbered, reverse=True)), path]


def in_time(paths: Iterable[Path]) -> list[Path]:
    """Files in the order of their first snapshots' times; each once, rotated ones among them.

    A shell's `rec.jsonl*` names the newest first. A file that holds no snapshot keeps its place at the front, to be
    told of when it is read.
    """
    files = dict.fromkeys(file for path in paths for file in with_rotated(path))
    return sorted(files, key=lambda file: _begins(file) or 0.0)


class _Begin(msgspec.Struct):
    taken_at: str


def _begins(path: Path) -> float | None:
    """When the first snapshot of a file was taken, in seconds since the epoch; `None` where it holds none."""
    try:
        with path.open("rb") as file:
            line = file.readline(LARGEST_BYTES)
            text = line + file.read(LARGEST_BYTES) if _is_indented(line) else line
        return datetime.fromisoformat(decode(text, _Begin).taken_at).timestamp()
    except (OSError, OverflowError, RecursionError, ValueError):  # msgspec's errors are ValueErrors
        return None


def _places(path: Path) -> list[tuple[Path, int, int]]:
    """Where each snapshot of a file begins, and how long it is."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise SnapshotError(f"{path} is not a file")
        with path.open("rb") as file:
            places: list[tuple[Path, int, int]] = []
            start = 0
            while line := file.readline(LARGEST_BYTES):
                if not places and _is_indented(line):
                    return [(path, start, _bounded(path, size - start))]
                if line.strip() and not (places and _cut_off(line)):
                    places.append((path, start, _bounded(path, len(line))))
                start += len(line)
    except OSError as error:
        raise SnapshotError(f"cannot read {path}: {error.strerror}") from None
    if not places:
        raise SnapshotError(f"{path} holds no snapshot", _HOW_TO_TAKE_ONE)
    return places


def _is_indented(line: bytes) -> bool:
    """A recording's lines are whole objects; an indented snapshot's first line is a brace alone."""
    return line.rstrip() == b"{"


def _cut_off(line: bytes) -> bool:
    """A last line without an end may be whole (written by another program), or the work of a kill."""
    if line.endswith(b"\n"):
        return False
    try:
        from_json(line)
    except SnapshotError:
        return True
    return False


def _bounded(path: Path, length: int) -> int:
    if length >= LARGEST_BYTES:
        raise SnapshotError(f"{path} holds {length} bytes without a break, too many for a snapshot")
    return length
