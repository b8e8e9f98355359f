"""How far many looks are, on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from podprobe.report.neutral import neutral

if TYPE_CHECKING:
    from podprobe.fleet import Outcome


class FleetProgress:
    """Counts outcomes. At a terminal a line that replaces itself; elsewhere only failures are told, a line each.

    Args:
        total: how many are to come.
        parallel: how many are looked at at the same time.
    """

    def __init__(self, total: int, parallel: int) -> None:
        self._total = total
        self._parallel = parallel
        self._done = 0
        self._failed = 0
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._show()

    def count(self, outcome: Outcome) -> None:
        """One more is done."""
        self._done += 1
        if outcome.error:
            self._failed += 1
            self.clear()
            message = neutral(outcome.error.message, 1000)
            click.echo(f"podprobe: {neutral(outcome.member.label)}: {message}", err=True)
        self._show()

    def clear(self) -> None:
        """Take the line away."""
        if self._terminal:
            click.echo("\r\033[K", nl=False, err=True)

    def _show(self) -> None:
        if self._terminal and self._done < self._total:
            failed = f", {self._failed} failed" if self._failed else ""
            click.echo(f"\r\033[K{self._done}/{self._total} Pods{failed}{self._left()}", nl=False, err=True)

    def _left(self) -> str:
        # The first ones end together: before a wave is over, what one takes is not yet known from how many are done.
        if self._done < self._parallel:
            return ""
        seconds = (time.monotonic() - self._began) / self._done * (self._total - self._done)
        return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"
