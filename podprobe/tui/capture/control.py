"""One Pod's capture: what is to be captured, and the capture under way. It outlives the screen that shows it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podprobe.agents.filters import compile_filter
from podprobe.analysis.captured import with_containers
from podprobe.capturing.live import LiveCapture
from podprobe.errors import PodprobeError

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.agents.client import Agent
    from podprobe.capturing.live import Progress
    from podprobe.model import Snapshot
    from podprobe.model.capture import Capture
    from podprobe.tui.sources import SnapshotSource

LOOPBACK = "lo"


class Control:
    """What the screen and the header read, and what its keys do.

    Args:
        source: whose agents capture.
    """

    def __init__(self, source: SnapshotSource) -> None:
        self.source = source
        self.interface = LOOPBACK
        self.expression = ""
        """The filter, as tcpdump writes it."""
        self.agent: Agent | None = None
        """That captures, or would; `None` where none may."""
        self.refusal: PodprobeError | None = None
        """Why there is none, or why the last attempt failed."""
        self.adding: str | None = None
        """How far an agent with NET_RAW has come, while it is being started."""
        self._live: LiveCapture | None = None
        self._saved = 0
        """Packets that were there when they were last saved."""
        self._about: tuple[str, str] = ("", "")
        self._before: Snapshot | None = None
        self._named: tuple[Capture, Snapshot, Capture] | None = None

    def ask(self) -> None:
        """Find out whether an agent may capture. Costs nothing."""
        try:
            self.agent, self.refusal = self.source.capturer(), None
        except PodprobeError as error:
            self.agent, self.refusal = None, error

    def add_agent(self) -> None:
        """Start an agent with NET_RAW, in a thread; `adding` tells how far it has come, `refusal` why not."""
        if self.adding is None and self.source.may_add_capturer:
            self.adding = "asking for an agent with NET_RAW"
            threading.Thread(target=self._add, name="podprobe NET_RAW", daemon=True).start()

    def _add(self) -> None:
        try:
            self.source.add_capturer(lambda progress: setattr(self, "adding", progress.message))
            self.ask()
        except PodprobeError as error:
            self.refusal = error
        except Exception as error:  # noqa: BLE001  # the view outlives every failure, foreseen or not
            self.refusal = PodprobeError(f"no agent could be added: {type(error).__name__}: {error}")
        self.adding = None

    @property
    def running(self) -> bool:
        """Packets are coming in, or are about to."""
        return self._live is not None and self._live.progress.phase in {"starting", "capturing"}

    @property
    def progress(self) -> Progress | None:
        """Of the capture under way, or of the last one."""
        return self._live.progress if self._live is not None else None

    @property
    def about(self) -> tuple[str, str]:
        """Interface and filter of that capture."""
        return self._about

    @property
    def unsaved(self) -> int:
        """Packets that are in no file yet, where any came since the last was written; they go with the capture."""
        packets = (self.progress.packets or 0) if self.progress is not None else 0
        return packets if packets > self._saved else 0

    def start(self, snapshot: Snapshot) -> None:
        """Begin a capture; the one before is let go, packets and all.

        Raises:
            UsageError: the filter is none.
        """
        self.ask()
        if self.agent is None:
            return
        program = compile_filter(self.expression)
        self.close()
        self._live = LiveCapture(self.agent, self.interface, program)
        self._about = self.interface, self.expression
        self._before, self._named = snapshot, None
        self._live.start()

    def stop(self) -> None:
        """End it; its packets and flows stay."""
        if self._live is not None:
            self._live.stop()

    def close(self) -> None:
        """Let go of it."""
        if self._live is not None:
            self._live.close()
            self._live = None
        self._saved = 0

    def save(self, file: Path) -> int:
        """Write the packets there are to a pcap file; its size in bytes, 0 where there is no capture.

        Raises:
            OSError: it cannot be written.
        """
        if self._live is None:
            return 0
        packets = self._live.progress.packets or 0
        size = self._live.save(file)
        self._saved = packets
        return size

    def flows(self, snapshot: Snapshot) -> Capture | None:
        """What the packets say so far, with the containers that the snapshots know."""
        progress = self.progress
        if progress is None or progress.flows is None or self._before is None:
            return None
        known = self._named
        if known is None or known[0] is not progress.flows or known[1] is not snapshot:
            named = with_containers(progress.flows, self._before, snapshot)
            known = self._named = progress.flows, snapshot, named
        return known[2]
