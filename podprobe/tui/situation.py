"""How things stand with the source: what the header and the banners tell, beside the snapshot itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.errors import PodprobeError
    from podprobe.model import Snapshot
    from podprobe.targets.base import Progress
    from podprobe.tui.sources import Timeline
    from podprobe.tui.sources.survey import Survey

NOTICES = 3
"""Shown at most; older ones give way."""


@dataclass(frozen=True)
class Notice:
    """Something happened to the Pod between two looks."""

    mark: str
    text: str
    role: str = "warning"
    lost_agent: str | None = None
    """The container whose agent it is about: the notice goes when the agent is back."""
    stopped: str | None = None
    """The container that it says has stopped: the notice goes when that runs again."""


@dataclass
class Situation:
    """Changes with every report of the source; the screen reads it when it paints."""

    label: str
    live: bool
    interval: float = 1.0
    paused: bool = False
    error: PodprobeError | None = None
    retry_at: float | None = None
    """On the monotonic clock."""
    looked_at: float | None = None
    """When the last snapshot came, on the monotonic clock."""
    timeline: Timeline | None = None
    survey: Survey | None = None
    """Of the recording, once it has been looked through."""
    progress: dict[str | None, Progress] = field(default_factory=dict)
    """The latest step by container, until the first snapshot."""
    notices: list[Notice] = field(default_factory=list)
    recording: Path | None = None
    recorded: int = 0
    capturing: int | None = None
    """Packets of the capture under way; `None` where there is none."""

    @property
    def moving(self) -> bool:
        """There is more than one snapshot to move among."""
        return self.timeline is not None and self.timeline.length > 1

    def stale_seconds(self, now: float) -> float | None:
        """How old the picture is, where it is older than it should be."""
        if not self.live or self.looked_at is None or self.paused:
            return None
        age = now - self.looked_at
        return age if self.error is not None or age > max(5.0, 4 * self.interval) else None

    def settle(self, snapshot: Snapshot) -> None:
        """Take back the notices that a new look has made untrue."""
        back = {one.name for one in snapshot.containers if one.agent}
        runs = {one.name for one in snapshot.containers if one.state == "running"}
        self.notices = [one for one in self.notices if one.lost_agent not in back and one.stopped not in runs]

    def tell(self, notices: list[Notice]) -> None:
        """Add notices; the newest are kept."""
        for notice in notices:
            if notice in self.notices:
                self.notices.remove(notice)
            self.notices.append(notice)
        del self.notices[:-NOTICES]


def notices(before: Snapshot, after: Snapshot) -> list[Notice]:
    """What happened to the Pod between two looks that one must not miss."""
    told: list[Notice] = []
    if before.target.pod != after.target.pod:
        return [Notice("▲", f"{before.target.pod} is gone; this is {after.target.pod} now")]
    if before.target.uid and after.target.uid and before.target.uid != after.target.uid:
        told.append(Notice("▲", "the Pod was deleted, and another of the same name has taken its place"))
    if before.target.phase != after.target.phase and after.target.phase in {"Failed", "Succeeded"}:
        told.append(Notice("■", f"the Pod has ended: {after.target.phase}"))
    earlier = {container.name: container for container in before.containers}
    for container in after.containers:
        was = earlier.get(container.name)
        if was is None or container.kind == "ephemeral":
            continue
        if container.restarts > was.restarts:
            ended = container.last_exit
            why = ""
            if ended is not None:
                code = f"exit code {ended.exit_code}" if ended.exit_code is not None else ""
                why = (
                    ": " + ", ".join(part for part in (ended.reason, code) if part)
                    if ended.reason or code
                    else ""
                )
            told.append(Notice("↻", f"{container.name} restarted{why}"))
        elif was.state == "running" and container.state != "running":
            told.append(
                Notice(
                    "✖",
                    f"{container.name} stopped running: {container.state_reason or container.state}",
                    "critical",
                    stopped=container.name,
                )
            )
        elif was.agent and not container.agent:
            text = f"the agent in {container.name} was lost; it is being started again"
            told.append(Notice("▲", text, lost_agent=container.name))
    return told
