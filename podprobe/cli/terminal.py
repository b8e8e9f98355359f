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
