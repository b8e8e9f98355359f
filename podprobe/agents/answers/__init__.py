"""What an agent answers, as structs that validate it: an agent runs in the Pod, so its words are untrusted.

A `look` is answered area by area. A `PART` frame holds ``{"area": NAME, "items": [...]}`` for an area that is
a list (several parts add up) or ``{"area": NAME, "value": {...}}`` for one that is a single object.

Two kinds of area: those that belong to the agent's own container (`OWN`), asked of every agent, and those that
the namespaces share (`SHARED`), asked of one agent.

Times are seconds since the epoch (float); sizes are bytes; PIDs are as the agent's PID namespace numbers them;
devices are `major:minor` in decimal; names and paths are text with undecodable bytes replaced.
"""

from podprobe.agents.answers.areas import ITEMS, OWN, SHARED, VALUES, Areas
from podprobe.agents.answers.asked import AdminPiece, ExchangeAnswer, ProbeAnswer, Reply
from podprobe.agents.answers.base import Answer, Count, End, Hello, Seen, Text, Word
from podprobe.agents.answers.own import (
    CgroupValue,
    DevShmItem,
    DnsValue,
    FdItem,
    FileStatus,
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

__all__ = [
    "ITEMS",
    "OWN",
    "SHARED",
    "VALUES",
    "AdminPiece",
    "Answer",
    "Areas",
    "CgroupValue",
    "Count",
    "CountersValue",
    "DevShmItem",
    "DnsValue",
    "End",
    "ExchangeAnswer",
    "FdItem",
    "FileStatus",
    "Hello",
    "InterfaceItem",
    "IpcLimitsValue",
    "LockItem",
    "MapItem",
    "MountItem",
    "MqueueItem",
    "OpenFileItem",
    "PacketItem",
    "ProbeAnswer",
    "ProcessItem",
    "Reply",
    "Seen",
    "SemaphoreWaiterItem",
    "SysvMsgItem",
    "SysvSemItem",
    "SysvShmItem",
    "Text",
    "UnixItem",
    "WalkItem",
    "Word",
]
