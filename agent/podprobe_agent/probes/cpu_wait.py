"""How long a thread has waited for a CPU: what a probe on a busy node measures besides what it wants to measure."""

from __future__ import annotations

import os


class CpuWait:
    """The waiting of the thread that makes it, from `/proc/thread-self/schedstat` (scheduler/sched-stats.rst).

    The second number there is the time spent runnable and not running, in nanoseconds. A kernel without
    CONFIG_SCHED_INFO has no such file, or only zeros.
    """

    def __init__(self) -> None:
        try:
            self._fd = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def nanoseconds(self) -> int:
        """Since the thread began; 0 where nobody counts, for a thread that runs has waited for a moment at least."""
        if self._fd < 0:
            return 0
        try:
            return int(os.pread(self._fd, 128, 0).split()[1])
        except (OSError, IndexError, ValueError):
            return 0

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
