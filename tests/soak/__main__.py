"""``python -m tests.soak [--seconds 1800] [--client tui|watch] [--target TARGET] [--write]``: does it stay flat?

Without a target a demo Pod is made for it. `--write` puts the numbers into docs/reference/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from podprobe.targets.local.demo import DEFAULT, Demo
from tests.bench.__main__ import PAGE, machine
from tests.soak.endurance import MOST_GROWTH_BYTES, WARM_UP_RATIO, Verdict, endure

if TYPE_CHECKING:
    from collections.abc import Callable

HEADING = "## Endurance"
MIB = 1 << 20


def lines(verdict: Verdict) -> list[str]:
    """A row of the table per process."""
    return [
        f"| {verdict.client} for {verdict.seconds / 60:.0f} min, {verdict.looks:,} looks "
        f"| {one.name.split()[0]} | {one.last_bytes() / MIB:.1f} MiB | {one.growth_bytes() / MIB:+.2f} MiB "
        f"| {one.files[-1]} | {one.growth_files():+d} "
        f"| {'✔' if one.growth_bytes() <= MOST_GROWTH_BYTES and one.growth_files() <= 0 else '✖'} |"
        for one in verdict.processes
    ]


_HEAD = f"""{HEADING}

Written by `python -m tests.soak --write`: a look a second at the demo Pod, faults and all; anonymous memory and open
files of the client and of each agent, read from /proc. Growth is from the time after warming up (the first
{WARM_UP_RATIO:.0%}) to the end, to be at most 1 MiB, and no file descriptor.

"""


def section(rows: list[str]) -> str:
    """What stands in the page."""
    return (
        f"{_HEAD}{machine()}.\n\n| run | process | memory at the end | growth | files | growth |  |\n|{'---|' * 7}\n"
        + "".join(f"{row}\n" for row in rows)
    )


def write(rows: list[str]) -> None:
    """Put the section in its place in the page of benchmarks."""
    head = PAGE.read_text().partition(HEADING)[0].rstrip()
    PAGE.write_text(f"{head}\n\n{section(rows)}")


def occasionally(seconds: float) -> Callable[[str], None]:
    """Tells on standard error, once in so many seconds."""
    last = [float("-inf")]

    def tell(text: str) -> None:
        if time.monotonic() - last[0] >= seconds:
            last[0] = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return tell


def main() -> int:
    """Run, print, write. Exit 1 where something was not flat."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--client", choices=["tui", "watch"], action="append")
    parser.add_argument("--target", help="local:PID, a Pod, …; a demo Pod where none is given")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows: list[str] = []
    wrong: list[str] = []
    with contextlib.ExitStack() as stack:
        target = given.target or f"local:{stack.enter_context(Demo(DEFAULT)).pid}"
        for client in given.client or ["tui", "watch"]:
            verdict = endure(client, target, given.seconds, given.interval, occasionally(60))
            rows += lines(verdict)
            wrong += verdict.wrong()
    print("\n".join(rows))
    print("\n".join(wrong) or "flat", file=sys.stderr)
    if given.write:
        write(rows)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
