"""Where snapshots come from. To the screen it is all the same: a live Pod, a file, a recording."""

from podprobe.tui.sources.base import (
    Failed,
    Looked,
    Moved,
    Progressed,
    Report,
    SnapshotSource,
    Surveyed,
    Timeline,
)
from podprobe.tui.sources.live import LiveSource, Looker
from podprobe.tui.sources.recording import RecordingSource

__all__ = [
    "Failed",
    "LiveSource",
    "Looked",
    "Looker",
    "Moved",
    "Progressed",
    "RecordingSource",
    "Report",
    "SnapshotSource",
    "Surveyed",
    "Timeline",
]
