"""What a collector is given: the request's arguments, its time, and where to say what could not be seen."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event
    from typing import Any

_MOST_NOTES = 200


class Context:
    """One look, seen from a collector.

    Attributes:
        area: the area being collected; set anew before each collector is called.
        root_pid: first process of the container that is looked at, in the agent's PID namespace.
        walk: directories to walk, as the container has them.
        walk_seconds: time for all walks together.
        walk_entries: directory entries for all walks together.
        redact: the user's regular expressions for values that must not leave the Pod.
        deadline: when the look must be over, on the clock of `time.monotonic`.
        shared: for the collectors of this look to leave each other what was costly to find out. Keys are the
            finder's own; it lives as long as the look.
        notes: what was told with `note`, as `answers.Seen` has it.
    """

    __slots__ = (
        "_cancelled",
        "area",
        "deadline",
        "notes",
        "redact",
        "root_pid",
        "shared",
        "walk",
        "walk_entries",
        "walk_seconds",
    )

    def __init__(
        self,
        *,
        root_pid: int = 1,
        walk: Sequence[str] = (),
        walk_seconds: float = 2.0,
        walk_entries: int = 1_000_000,
        redact: Sequence[str] = (),
        seconds: float = 10.0,
        cancelled: Event | None = None,
    ) -> None:
        self.area = ""
        self.root_pid = root_pid
        self.walk = tuple(walk)
        self.walk_seconds = walk_seconds
        self.walk_entries = walk_entries
        self.redact = tuple(redact)
        self.deadline = time.monotonic() + seconds
        self.shared: dict[str, Any] = {}
        self.notes: list[dict[str, Any]] = []
        self._cancelled = cancelled

    def beside(self, area: str) -> Context:
        """The same look for a collector that runs at the same time as others: it shares all but its area."""
        other = Context.__new__(Context)
        for name in Context.__slots__:
            setattr(other, name, getattr(self, name))
        other.area = area
        return other

    @property
    def expired(self) -> bool:
        """The look's time is over, or the client does not want it any more: yield no more, note it, return."""
        return time.monotonic() >= self.deadline or (self._cancelled is not None and self._cancelled.is_set())

    def note(self, level: str, reason: str, allow: str | None = None, *, area: str | None = None) -> None:
        """Say that something could not be seen, or not wholly. The same note twice counts once.

        Args:
            level: `partial` or `none`.
            reason: why, as the system answered: "cannot read /proc/7/fd: Permission denied".
            allow: what would let the agent see it, where something would.
            area: another area than the one being collected.
        """
        note = {"area": area or self.area, "level": level, "reason": reason, "allow": allow}
        if note not in self.notes and len(self.notes) < _MOST_NOTES:
            self.notes.append(note)
