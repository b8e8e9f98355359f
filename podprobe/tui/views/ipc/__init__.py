"""IPC: what System V and POSIX keep in the namespace that the containers share, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.views.ipc.limits import limits_section
from podprobe.tui.views.ipc.posix import dev_shm, posix_memory, posix_queues
from podprobe.tui.views.ipc.sysv import message_queues, semaphores, shared_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Attachment, SemaphoreWaiter
    from podprobe.tui.state import State
    from podprobe.tui.views.table import Section


def sections(state: State) -> list[Section]:
    """One section per kind of object, then /dev/shm and the kernel's limits."""
    ipc = state.snapshot.ipc

    def touches(users: Sequence[Attachment | SemaphoreWaiter], *others: str | None) -> bool:
        return state.focus is None or state.focus in {*others, *(one.container for one in users)}

    return [
        shared_memory([one for one in ipc.shared_memory if touches(one.attached, one.creator_container)]),
        semaphores([one for one in ipc.semaphores if touches(one.waiters) or not one.waiters]),
        message_queues(state),
        posix_memory([one for one in ipc.posix_shared_memory if touches(one.mapped, *one.containers)]),
        posix_queues(state, touches),
        dev_shm(state),
        limits_section(ipc.limits),
    ]
