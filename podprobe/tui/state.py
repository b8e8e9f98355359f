"""What the screen is a function of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.tui.history import History

if TYPE_CHECKING:
    from podprobe.model import Container, Snapshot


@dataclass(frozen=True)
class State:
    """One snapshot, the recent past, and what the user has asked to see of it."""

    snapshot: Snapshot
    history: History = field(default_factory=History)
    declared: bool = False
    """Only the Pod's spec is known yet: the agents are starting."""
    focus: str | None = None
    """The container that the views are restricted to."""

    def container(self, name: str | None) -> Container | None:
        """The container of that name."""
        return next((one for one in self.snapshot.containers if one.name == name), None)

    def shows(self, *containers: str | None) -> bool:
        """Whether something of these containers is to be shown under the present focus."""
        return self.focus is None or self.focus in containers
