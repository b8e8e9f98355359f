"""One file per snapshot, in a directory."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from podprobe.errors import OutputError, UsageError
from podprobe.report import EXTENSIONS, render, renderer

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.model import Snapshot
    from podprobe.report import Missed

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 200


class Folder:
    """Writes snapshots to a directory, each whole or not at all.

    Args:
        path: the directory; made where it does not exist.
        output: the format.

    Raises:
        UsageError: it is no directory, or cannot be made.
    """

    def __init__(self, path: Path, output: str) -> None:
        self._path = path
        self._output = output
        self._names: set[str] = set()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the directory {path}: {error.strerror}") from None

    def write(self, snapshot: Snapshot) -> Path:
        """Write one snapshot, over an older file of the same Pod.

        Raises:
            OutputError: there is no room, or no permission.
        """
        file = self._path / self._name(snapshot.target.namespace, snapshot.target.pod)
        self._put(file, render([snapshot], self._output))
        return file

    def failed(self, missed: Missed) -> Path | None:
        """Say of a Pod that it could not be looked at, where the format has words for a Pod that is down.

        What an older file of the Pod says is no longer true: a collector that reads it would go on counting the Pod
        as seen. The other formats tell when they were made.

        Raises:
            OutputError: as of `write`.
        """
        if self._output != "prometheus":
            return None
        made = renderer(self._output)
        text = made.failed(missed) + made.end()
        file = self._path / self._name(missed.namespace, missed.pod)
        self._put(file, text)
        return file

    def _put(self, file: Path, text: str) -> None:
        part = file.with_name(f".{file.name}.part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise OutputError(f"cannot write {file}: {os.strerror(error.errno or 0)}") from None

    def _name(self, namespace: str | None, pod: str) -> str:
        stem = safe_name("_".join(filter(None, (namespace, pod))))
        name = stem
        number = 2
        while name in self._names:
            name = f"{stem}_{number}"
            number += 1
        self._names.add(name)
        return f"{name}.{EXTENSIONS.get(self._output, self._output)}"


def safe_name(text: str) -> str:
    """A file name out of any text: no separator, no leading dot, no control character, not too long."""
    return _UNSAFE.sub("_", text).strip("._")[:_LONGEST] or "pod"
