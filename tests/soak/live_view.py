"""``python -m tests.soak.live_view TARGET INTERVAL``: the live view without a terminal, its views shown in turn.

Prints the number of looks so far and of failures among them, a line of JSON every ten seconds, until SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from typing import TYPE_CHECKING

from podprobe.opening import open_looker
from podprobe.targets.access import Access
from podprobe.tui.app import PodprobeApp
from podprobe.tui.sources import Failed, LiveSource, Looked

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.tui.sources import Report

SIZE = (120, 36)
KEYS = "2345678f1"
_TOLD_SECONDS = 10.0


class Counting(LiveSource):
    """Counts what it reports."""

    looks = failures = 0

    def run(self, report: Callable[[Report], None]) -> None:
        def counted(one: Report) -> None:
            self.looks += isinstance(one, Looked) and not one.declared
            self.failures += isinstance(one, Failed)
            report(one)

        super().run(counted)


async def main(target: str, interval: float) -> None:
    source = Counting(target, lambda progress: open_looker(target, Access(), None, progress), interval)
    app = PodprobeApp(source)
    running = asyncio.create_task(app.run_async(headless=True, size=SIZE))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit)
    number = 0
    while not running.done():
        await asyncio.wait([running], timeout=_TOLD_SECONDS)
        print(json.dumps({"looks": source.looks, "failures": source.failures}), flush=True)
        if not running.done():
            app.simulate_key(KEYS[number % len(KEYS)])
            number += 1
    with contextlib.suppress(asyncio.CancelledError):
        await running


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
