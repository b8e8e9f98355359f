"""What stdout is."""

from __future__ import annotations

import os
import shutil
import sys


def color_and_width() -> tuple[bool, int | None]:
    """Whether to write colours to stdout, and its columns; no colour and no width where it is no terminal."""
    if not sys.stdout.isatty():
        return False, None
    # https://no-color.org: present and not empty
    return not os.environ.get("NO_COLOR"), shutil.get_terminal_size().columns


def write_whole(text: str) -> None:
    """Write to stdout now, and all of it.

    A signal that arrives while a pipe is full cuts a write short, and Python's own stdout (seen with 3.11 and 3.13)
    then loses the rest.
    """
    sys.stdout.flush()
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]
