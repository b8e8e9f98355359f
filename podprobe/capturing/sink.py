"""Where the packets of a capture go: a file, a pipe, or a file without a name."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from podprobe.errors import LookError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


_PACKET = struct.Struct("=8xI4x")
"""Of a packet's header in a pcap file: the bytes kept of it."""


def _whole(packets: bytes, size: int) -> int:
    """How many of the first bytes are whole packets."""
    at = 0
    while at + _PACKET.size <= size:
        after = at + _PACKET.size + _PACKET.unpack_from(packets, at)[0]
        if after > size:
            break
        at = after
    return at


class Sink:
    """Opened with the first piece: a capture that never begins destroys no file that is there.

    Nothing is buffered, so that a reader at the other end of a pipe sees packets as they come, and a disk that is full
    says so at once and not when the file is closed. Use it in a `with`.

    Args:
        opening: opens the stream, unbuffered; raises `PodprobeError`.
    """

    def __init__(self, opening: Callable[[], BinaryIO]) -> None:
        self._opening = opening
        self._stream: BinaryIO | None = None
        self.size = 0
        """Bytes that it holds."""

    @property
    def stream(self) -> BinaryIO:
        """What was written to."""
        if self._stream is None:
            self._stream = self._opening()
        return self._stream

    def append(self, piece: bytes) -> None:
        """Write whole packets, or the header, at the end.

        Raises:
            OSError: there is no room; the packet that it ends in is taken back, where that can be.
            PodprobeError: it cannot be opened.
        """
        stream, left = self.stream, memoryview(piece)
        try:
            while left:
                left = left[stream.write(left) or 0 :]
        except OSError:
            self.size += _whole(piece, len(piece) - len(left))
            with contextlib.suppress(OSError):  # a pipe takes nothing back
                stream.truncate(self.size)
            raise
        self.size += len(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()


def to_file(path: str) -> Sink:
    """A file that can be read again.

    Raises:
        UsageError: it cannot be written, as far as that shows before it is.
    """
    there = Path(path)
    if there.is_dir():
        raise UsageError(f"cannot write {path}: it is a directory")
    if not there.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no directory {there.parent}")

    def opening() -> BinaryIO:
        try:
            return cast("BinaryIO", there.open("w+b", buffering=0))
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None

    return Sink(opening)


def to_stdout() -> Sink:
    """Standard output, which stays open."""
    return Sink(lambda: cast("BinaryIO", os.fdopen(1, "wb", buffering=0, closefd=False)))


def to_spool() -> Sink:
    """A file without a name, which goes with the sink."""

    def opening() -> BinaryIO:
        try:
            return cast("BinaryIO", tempfile.TemporaryFile(prefix="podprobe-", buffering=0))
        except OSError as error:
            raise LookError(
                f"the packets cannot be kept: {error.strerror}", "make room in TMPDIR, or say -w FILE"
            ) from None

    return Sink(opening)
