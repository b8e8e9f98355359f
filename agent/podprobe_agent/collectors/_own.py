"""Which processes are podprobe's own: an agent's container is in the PID namespace that it looks at."""

from __future__ import annotations

import os

from podprobe_agent.collectors import _shared
from podprobe_agent.lean import NamedTuple
from podprobe_agent.protocol import AGENT_TITLE, HOLDER_MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

_AGENT = AGENT_TITLE.encode()
_HOLDER = HOLDER_MARK.encode()


class Own(NamedTuple):
    """How to recognise podprobe's processes."""

    pid: int
    own_mount: int | None
    """Root mount of this agent's container; `None` where it is not in one of its own."""
    mounts: frozenset[int]
    """Root mounts of all agents' containers."""

    def is_this(self, pid: int, mount: int | None) -> bool:
        """It belongs to this very agent's container."""
        return pid == self.pid or (mount is not None and mount == self.own_mount)

    def is_agent(self, mount: int | None, arguments: bytes) -> bool:
        """It belongs to some agent's container, or is an agent's process.

        Args:
            mount: id of the mount that it has as `/`.
            arguments: /proc/PID/cmdline.
        """
        return (mount is not None and mount in self.mounts) or _titled(arguments)


def find(context: Context) -> Own:
    """Find the agents' containers; kept in the context, for it takes a look at every command line."""
    found = context.shared.get("own")
    if isinstance(found, Own):
        return found
    mounts = set()
    for pid in _shared.pids(context):
        try:
            if _HOLDER in _shared.command(context, pid):
                mounts.add(_root_mount(context, pid))
        except OSError:
            continue
    mounts.discard(None)
    mine = None
    if mounts:
        mounts.discard(_root_mount(context, context.root_pid))
        mine = _root_mount(context, "self")
    own = Own(os.getpid(), mine if mine in mounts else None, frozenset(mount for mount in mounts if mount))
    context.shared["own"] = own
    return own


def _root_mount(context: Context, pid: object) -> int | None:
    mount = _shared.root_mount(context, pid)
    return mount[0] if mount else None


def _titled(arguments: bytes) -> bool:
    return _AGENT in arguments and _AGENT in arguments.split(b"\0")
