"""Exit codes, and what findings come to."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from podprobe.model import Snapshot

FailOn = Literal["none", "warning", "critical"]


class ExitCode(IntEnum):
    """What podprobe's commands exit with; 1 and 2 come with the errors of `podprobe.errors`."""

    OK = 0
    """Looked, and found nothing at or above --fail-on."""
    COULD_NOT_LOOK = 1
    USAGE = 2
    CRITICAL = 3
    WARNING = 4
    """A warning, with --fail-on warning; in `diff`, a difference."""


def judged(snapshot: Snapshot, fail_on: FailOn) -> ExitCode:
    """The exit code that a snapshot's findings ask for."""
    severities = {finding.severity for finding in snapshot.findings}
    if fail_on != "none" and "critical" in severities:
        return ExitCode.CRITICAL
    if fail_on == "warning" and "warning" in severities:
        return ExitCode.WARNING
    return ExitCode.OK
