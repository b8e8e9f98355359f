"""Area `semaphore_waiters`: processes that sleep in semop(), with the set where the kernel tells it."""

from __future__ import annotations

from podprobe_agent.collectors import _blocked, sysv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.SemaphoreWaiterItem`s; nothing is looked at where the IPC namespace has no set."""
    try:
        if next(sysv.rows("sem"), None) is None:
            return
    except OSError as error:
        context.note("none", f"cannot read /proc/sysvipc/sem: {error.strerror}")
        return
    for sleeper in _blocked.find(context):
        if sleeper.what == "sem":
            yield {"pid": sleeper.pid, "semid": sleeper.argument}
