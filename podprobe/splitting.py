"""Several looks for one question: what is used for a moment at a time is seldom in use at the moment of a look."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podprobe.analysis.containers import container_named
from podprobe.opening import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Snapshot
    from podprobe.opening import Looker

LOOKS = 4
_APART = 0.5
"""From one look to the next, seconds."""


def looks(looker: Looker, container: str) -> Iterator[Snapshot]:
    """Looks within about two seconds, oldest first; of a recording, all that it holds.

    Raises:
        UsageError: the Pod has no such container; no agent has been started then.
        LookError: nothing could be looked at.
    """
    declared = looker.declared()
    container_named(container, declared.containers, declared.target.pod)
    if isinstance(looker, Recorded):
        yield from looker.past
        yield looker.look()
        return
    for number in range(LOOKS):
        if number:
            time.sleep(_APART)
        yield looker.look()
