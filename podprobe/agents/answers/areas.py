"""The areas of a look: which there are, and what one answer holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.agents.answers.own import (
    CgroupValue,
    DevShmItem,
    DnsValue,
    FdItem,
    LockItem,
    MapItem,
    MountItem,
    OpenFileItem,
    ProcessItem,
    SemaphoreWaiterItem,
    WalkItem,
)
from podprobe.agents.answers.shared import (
    CountersValue,
    InterfaceItem,
    IpcLimitsValue,
    MqueueItem,
    PacketItem,
    SysvMsgItem,
    SysvSemItem,
    SysvShmItem,
    UnixItem,
)

if TYPE_CHECKING:
    from podprobe.agents.answers.base import Answer, End
    from podprobe.agents.diag import Messages


ITEMS: dict[str, type[Answer]] = {
    "processes": ProcessItem,
    "fds": FdItem,
    "open_files": OpenFileItem,
    "maps": MapItem,
    "semaphore_waiters": SemaphoreWaiterItem,
    "mounts": MountItem,
    "walks": WalkItem,
    "dev_shm": DevShmItem,
    "locks": LockItem,
    "unix": UnixItem,
    "packet": PacketItem,
    "interfaces": InterfaceItem,
    "sysv_shm": SysvShmItem,
    "sysv_sem": SysvSemItem,
    "sysv_msg": SysvMsgItem,
    "mqueue": MqueueItem,
}
"""Areas that are lists."""

VALUES: dict[str, type[Answer]] = {
    "cgroup": CgroupValue,
    "counters": CountersValue,
    "ipc_limits": IpcLimitsValue,
    "dns": DnsValue,
}
"""Areas that are one object."""

OWN = (
    "processes",
    "fds",
    "open_files",
    "maps",
    "semaphore_waiters",
    "mounts",
    "dev_shm",
    "cgroup",
    "locks",
    "dns",
    "walks",
)
SHARED = (
    "inet",
    "unix",
    "packet",
    "interfaces",
    "counters",
    "sysv_shm",
    "sysv_sem",
    "sysv_msg",
    "ipc_limits",
    "mqueue",
)
"""`inet` comes as ROWS frames: messages of sock_diag, or rows (`podprobe_agent.protocol.INET_ROW`)."""


class Areas:
    """A look's answer by area: lists of items, single values, and the rows of `inet`."""

    def __init__(self) -> None:
        self.items: dict[str, list[Any]] = {area: [] for area in ITEMS}
        self.values: dict[str, Any] = {}
        self.inet: list[bytes | Messages] = []
        self.end: End | None = None
        self.asked: frozenset[str] = frozenset()
        """What was asked for."""
