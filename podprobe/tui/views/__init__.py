"""The eight views: each a pure function of the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.tui.views import flows, ipc, latency, outside, ports, processes, volumes

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.tui.state import State
    from podprobe.tui.views.table import Section


@dataclass(frozen=True)
class View:
    """A tab."""

    name: str
    title: str
    tells: str
    """What it shows, for the help and the palette."""
    sections: Callable[[State], list[Section]] | None
    """`None`: the map, which is drawn rather than tabulated."""


VIEWS = (
    View("map", "Map", "containers and the channels between them", None),
    View("ports", "Ports", "who listens where, and how full the accept queues are", ports.sections),
    View("flows", "Flows", "connections, their round-trip times and retransmits", flows.sections),
    View("ipc", "IPC", "shared memory, semaphores, message queues and their limits", ipc.sections),
    View("volumes", "Volumes", "bytes and inodes of every volume, deleted files, locks", volumes.sections),
    View("latency", "Latency", "what a connect costs between containers", latency.sections),
    View("processes", "Processes", "the process tree of each container", processes.sections),
    View("outside", "Outside", "Services, probes, interfaces, kernel counters", outside.sections),
)
"""In the order of their number keys."""
