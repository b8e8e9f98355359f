"""Memory of a process that looks for hours."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""

_LARGE_BYTES = 64 << 10
_ARENAS = 2
_COLLECTIONS = (5_000, 5, 5)
"""Thresholds of gc.set_threshold: the oldest objects every few looks."""


def give_back() -> None:
    """Collect garbage often, and let the C library give large blocks back to the system as soon as they are free.

    A command that ends soon has its garbage collected seldom; over hours, what a look leaves in cycles would be MiB.
    What has been imported by now is left out of it for good, so that collecting costs little.

    Every look takes and frees blocks of some hundred KiB. glibc counts the first of them as a hint to keep such blocks
    on its heap from then on, with an arena for every few threads, where they fragment: a watch grew by a MiB a minute,
    all of it free. A fixed threshold takes them from mmap(2) instead. Does nothing where the C library is another one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES)
    mallopt(_M_ARENA_MAX, _ARENAS)
