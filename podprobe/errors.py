"""The one root of every error that a user is meant to read.

::

    PodprobeError
    ├── UsageError          the call itself is wrong                      exit 2
    ├── ConfigError         a configuration file or variable is wrong     exit 2
    ├── OutputError         what was seen cannot be written               exit 1
    └── LookError           podprobe could not look                       exit 1
        ├── TargetError     the target is not there, or cannot be looked at
        │   └── GoneError   the Pod is no more, or ends
        ├── AccessError     permission is missing
        ├── AgentError      an agent did not start, or stopped answering
        └── SnapshotError   a snapshot or recording cannot be read
"""

from __future__ import annotations

from pathlib import Path


class PodprobeError(Exception):
    """An error with its way out.

    Args:
        message: what was tried and what the system answered.
        hint: what to do about it, as an instruction; empty where there is nothing to advise.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PodprobeError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(PodprobeError):
    """A configuration file or a `PODPROBE_*` variable holds what it may not."""

    exit_code = 2


class OutputError(PodprobeError):
    """What was seen cannot be written: to a file, or to stdout."""


class LookError(PodprobeError):
    """podprobe could not look."""


class TargetError(LookError):
    """The target does not exist, is not running, or cannot be looked at."""


class GoneError(TargetError):
    """The Pod does not exist, has ended, or is being deleted: looking at it again brings nothing."""


class AccessError(LookError):
    """The user lacks a permission, on the cluster or on this machine."""


class AgentError(LookError):
    """An agent did not start, broke the protocol, or stopped answering."""


class SnapshotError(LookError):
    """A snapshot or a recording cannot be read."""


def readable(error: Exception) -> PodprobeError:
    """The error itself where it is one for users; of any other, which is a defect of podprobe's, one that names it."""
    if isinstance(error, PodprobeError):
        return error
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f" at {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at is not None else ""
    return PodprobeError(
        f"a look failed by a defect of podprobe's: {type(error).__name__}{place}: {error}",
        "please report it, with this line and what the Pod is like",
    )
