"""A file without a name that packets are kept in while they are looked at."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 256 << 10


class Spool:
    """Written by one thread at its end, read by others anywhere."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="podprobe-")  # noqa: SIM115  # closed by `close`
        self.size = 0
        """Bytes that can be read."""

    def append(self, piece: bytes) -> None:
        """Write at the end.

        Raises:
            OSError: there is no room.
        """
        self._file.write(piece)
        self._file.flush()
        self.size += len(piece)

    def read(self, at: int) -> bytes:
        """Some bytes from there; none at the end."""
        return os.pread(self._file.fileno(), min(_CHUNK, self.size - at), at)

    def save(self, file: Path) -> int:
        """Write all there is to a file.

        Returns:
            bytes written.

        Raises:
            OSError: it cannot be written.
        """
        size, at = self.size, 0
        with file.open("wb") as out:
            while at < size and (piece := self.read(at)[: size - at]):
                out.write(piece)
                at += len(piece)
        return at

    def close(self) -> None:
        """It is gone."""
        self._file.close()
