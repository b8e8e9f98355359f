"""Every way in which two containers of a Pod touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.model import Channel, Snapshot


def channels(snapshot: Snapshot) -> tuple[Channel, ...]:
    """The channels of a Pod, derived from its snapshot."""
    del snapshot
    return ()
