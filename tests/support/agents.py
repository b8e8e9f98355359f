"""Agents of local targets: processes on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from podprobe_agent.protocol import AGENT_TITLE

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_agent(process: psutil.Process) -> bool:
    """An agent itself; not a tool that puts it into its namespaces.

    Raises:
        psutil.NoSuchProcess: it has gone.
    """
    arguments = process.cmdline()
    return AGENT_TITLE in arguments and Path(arguments[0]).name.startswith("python")


def started_here() -> Iterator[psutil.Process]:
    """The agents that this process has started, and that live."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if is_agent(process):
                yield process
