"""What the screen is a function of."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from podprobe.analysis.flows import FlowKey, group
from podprobe.tui.history import History

if TYPE_CHECKING:
    from podprobe.model import Connection, Container, Snapshot
    from podprobe.tui import keys


class Derived:
    """What is computed of a snapshot once, in the reader's thread, so that no key waits for it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def sockets(self) -> dict[FlowKey, list[Connection]]:
        """The sockets of each flow."""
        return group(self._snapshot.network.connections)


@dataclass(frozen=True)
class State:
    """One snapshot, the recent past, and what the user has asked to see of it."""

    snapshot: Snapshot
    history: History = field(default_factory=History)
    declared: bool = False
    """Only the Pod's spec is known yet: the agents are starting."""
    focus: str | None = None
    """The container that the views are restricted to."""
    derived: Derived | None = None
    """Computed ahead; anew where absent."""

    def sockets(self, flow: keys.Key) -> list[Connection]:
        """The sockets of a flow."""
        return self.sockets_by_flow.get(FlowKey(*flow[1:]), [])  # type: ignore[arg-type]  # see `keys.of_flow`

    @cached_property
    def sockets_by_flow(self) -> dict[FlowKey, list[Connection]]:
        """The sockets of each flow."""
        return (self.derived or Derived(self.snapshot)).sockets

    def container(self, name: str | None) -> Container | None:
        """The container of that name."""
        return next((one for one in self.snapshot.containers if one.name == name), None)

    def shows(self, *containers: str | None) -> bool:
        """Whether something of these containers is to be shown under the present focus."""
        return self.focus is None or self.focus in containers
