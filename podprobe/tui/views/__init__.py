"""The eight views: each a pure function of the state, in a module of its own, loaded when it is first looked at."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.tui.state import State
    from podprobe.tui.views.table import Section


@dataclass(frozen=True)
class View:
    """A tab."""

    name: str
    """Of its module too."""
    title: str
    tells: str
    """What it shows, for the help and the palette."""
    drawn: bool = False
    """It is drawn rather than tabulated."""

    def sections(self, state: State) -> list[Section]:
        """The rows of a tabulated view."""
        found: list[Section] = import_module(f"{__name__}.{self.name}").sections(state)
        return found


VIEWS = (
    View("map", "Map", "containers and the channels between them", drawn=True),
    View("ports", "Ports", "who listens where, and how full the accept queues are"),
    View("flows", "Flows", "connections, their round-trip times and retransmits"),
    View("ipc", "IPC", "shared memory, semaphores, message queues and their limits"),
    View("volumes", "Volumes", "bytes and inodes of every volume, deleted files, locks"),
    View("latency", "Latency", "what a connect costs between containers"),
    View("processes", "Processes", "the process tree of each container"),
    View("outside", "Outside", "Services, probes, names, interfaces, kernel counters"),
)
"""In the order of their number keys."""
