"""A look every interval, through the failures that time brings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podprobe.errors import LookError
from podprobe.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podprobe.model import Snapshot
    from podprobe.opening import Looker

LONGEST_BACKOFF_SECONDS = 60.0


def watch(
    looker: Looker,
    interval: float,
    *,
    count: int | None = None,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Snapshot | LookError]:
    """Look again and again.

    Looks begin `interval` seconds apart; one that takes longer delays the next, and none is made up for. After a
    failed look the next one waits twice as long as after the failure before it.

    Args:
        looker: what to look at.
        interval: seconds.
        count: end after so many snapshots; `None`: go on.
        sleep: for tests.
        clock: seconds; for tests.

    Yields:
        A snapshot, or why there is none this time.

    Raises:
        LookError: the first look failed. Whoever starts to watch a Pod that cannot be looked at wants to know it.
    """
    give_back()
    taken = failures = 0
    while True:
        began = clock()
        result: Snapshot | LookError
        try:
            result = looker.look()
            taken += 1
            failures = 0
        except LookError as error:
            if not taken:
                raise
            failures += 1
            result = error
        yield result
        if count is not None and taken >= count:
            return
        sleep(_pause(interval, failures, clock() - began))


def _pause(interval: float, failures: int, spent: float) -> float:
    if failures:
        return min(interval * 2.0 ** min(failures, 30), max(LONGEST_BACKOFF_SECONDS, interval))
    return max(0.0, interval - spent)
