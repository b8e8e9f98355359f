"""P12: what a walk through a volume costs by the number of its files, and that it stops at its budget."""

from __future__ import annotations

from podprobe.targets.local import open_local
from tests.bench.base import Measure, SkippedError
from tests.support.crowd import VOLUME, Crowd, available

BUDGET_SECONDS = 2.0
"""As a session's."""


def run() -> list[Measure]:
    """Volumes of 1,000, 100,000 and 1,000,000 files: seconds for each entry; then the largest within the budget."""
    reason = available()
    if reason:
        raise SkippedError(reason)
    few, _ = _walked(1_000, 100)
    many, _ = _walked(100_000, 100)
    most, stopped = _walked(1_000_000, 100)
    taken, counted, complete = stopped
    return [
        Measure(
            "P12b", "walk: an entry among 100,000", many * 1e6, "µs", "among 1,000", few * 1e6, "linear or better",
            many <= 1.2 * few,
        ),
        Measure(
            "P12c", "walk: an entry among 1,000,000", most * 1e6, "µs", "among 1,000", few * 1e6, "linear or better",
            most <= 1.2 * few,
        ),
        Measure(
            "P12d", f"walk of 1,000,000 with {BUDGET_SECONDS:.0f} s: stopped, {counted:,} counted", taken, "s",
            target=f"≤ {BUDGET_SECONDS + 0.5} s", ok=taken <= BUDGET_SECONDS + 0.5 or complete,
        ),
    ]  # fmt: skip


def _walked(files: int, seconds: float) -> tuple[float, tuple[float, int, bool]]:
    """Seconds for each entry, and how a walk with a session's budget ended: seconds, entries, whether complete."""
    with Crowd(files=files) as crowd:
        target = open_local(crowd.pid)
        try:
            (agent,) = target.agents(lambda _: None).agents.values()
            best = min(
                walk.duration_us / 1e6 / walk.inodes
                for _ in range(3)
                for walk in agent.look(["walks"], walk=[VOLUME], walk_seconds=seconds, timeout=150).items[
                    "walks"
                ]
            )
            (short,) = agent.look(["walks"], walk=[VOLUME], walk_seconds=BUDGET_SECONDS, timeout=30).items[
                "walks"
            ]
        finally:
            target.close()
    return best, (short.duration_us / 1e6, short.inodes, short.complete)
