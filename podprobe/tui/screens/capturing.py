"""Packets: the part of the Pod's screen that captures them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.tui.app import PodprobeApp
    from podprobe.tui.capture.control import Control
    from podprobe.tui.situation import Situation
    from podprobe.tui.sources import SnapshotSource
    from podprobe.tui.state import State


class Capturing:
    """Mixed into the Pod's screen. A capture belongs to it, and ends with it."""

    app: PodprobeApp
    source: SnapshotSource
    situation: Situation
    directory: Path
    state: State | None
    _capture: Control | None = None

    def action_capture(self) -> None:
        """Show the packets, or what capturing them takes."""
        from podprobe.tui.capture.control import Control
        from podprobe.tui.capture.screen import CaptureScreen

        if self.state is None:
            self.app.say("the Pod is not known yet")
            return
        if self._capture is None:
            self._capture = Control(self.source)
        snapshot = self.state.snapshot
        self.app.push_screen(
            CaptureScreen(
                self._capture, lambda: self.state.snapshot if self.state else snapshot, self.directory
            )
        )

    def note_capture(self) -> bool:
        """Tell the header how many packets there are; whether it has to be painted for that."""
        progress = self._capture.progress if self._capture is not None else None
        going = progress is not None and progress.phase in {"starting", "capturing"}
        now = (progress.packets or 0) if going and progress is not None else None
        before, self.situation.capturing = self.situation.capturing, now
        return now != before

    def unsaved_packets(self) -> int:
        """Packets that would be lost with the capture."""
        return self._capture.unsaved if self._capture is not None else 0

    def end_capture(self) -> None:
        """Let go of it."""
        if self._capture is not None:
            self._capture.close()
