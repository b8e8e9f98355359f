"""The one use case: look at a target through its agents, and again every interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Latency, Snapshot
    from podprobe.targets.base import PodTarget, Progress


@dataclass(frozen=True)
class SessionOptions:
    """How to look."""

    active: bool = True
    """Active probes are allowed (`--passive` turns them off)."""
    probe_count: int = 20
    """Connects per listener and look."""
    all_connections: bool = False
    """Keep every connection in the snapshot, however many."""
    walk_seconds: float = 2.0
    """Time budget for counting what a volume holds."""
    timeout_seconds: float = 15.0
    """The most that one look may take."""


class Session:
    """Looks at one target. Keeps the recent looks, for rates and for findings that need time.

    Not thread-safe: one thread looks; snapshots, being frozen, may go anywhere.

    Args:
        target: what to look at; closed with the session.
        options: how.
        progress: told what is going on while the agents start.
    """

    def __init__(
        self,
        target: PodTarget,
        options: SessionOptions | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.target = target
        self.options = options or SessionOptions()
        self.progress = progress

    def declared(self) -> Snapshot:
        """What is known without agents, at once: the Pod's spec and status."""
        raise NotImplementedError

    def look(self) -> Snapshot:
        """One complete look: declared state, every agent's answer, owners, channels, findings.

        Agents that are missing or lost are started or reconnected first. What could not be seen is in
        `visibility`.

        Raises:
            LookError: nothing could be looked at; see its kinds in `podprobe.errors`.
        """
        raise NotImplementedError

    def probe(
        self, from_container: str | None, kind: str, to: str, count: int, interval: float, timeout: float
    ) -> Latency:
        """Run one active probe from a container (`None`: any agent)."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the target."""
        self.target.close()
