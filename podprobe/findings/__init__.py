"""Rules: pure functions from a snapshot to findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.config import Config
    from podprobe.model import Finding, Snapshot


def evaluate(
    snapshot: Snapshot, history: Sequence[Snapshot] = (), config: Config | None = None
) -> tuple[Finding, ...]:
    """The findings of a snapshot; `history` holds earlier looks at the same Pod, oldest first."""
    del snapshot, history, config
    return ()
