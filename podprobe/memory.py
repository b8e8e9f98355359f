"""Memory of a process that looks for hours."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""

_LARGE_BYTES = 64 << 10
_ARENAS = 2


def give_back() -> None:
    """Let the C library give large blocks back to the system as soon as they are free.

    Every look takes and frees blocks of some hundred KiB. glibc counts the first of them as a hint to keep such blocks
    on its heap from then on, with an arena for every few threads, where they fragment: a watch grew by a MiB a minute,
    all of it free. A fixed threshold takes them from mmap(2) instead. Does nothing where the C library is another one.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES)
    mallopt(_M_ARENA_MAX, _ARENAS)
