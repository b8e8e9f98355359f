"""One module per thing collected. A collector never fails the look: it returns what it saw, and why no more.

A collector is a function of a `Context` that returns, or yields as it goes:

- dictionaries, one for each item of an area that is a list (`podprobe.agents.answers.ITEMS`);
- one dictionary, for an area that is a single object (`answers.VALUES`);
- `output.Rows`, for the area `inet`: sockets as the kernel told them, any number in each piece.

Yield rather than build a list: the agent's memory counts against the Pod's limit, and what is yielded is sent
in parts. What cannot be seen is told with `Context.note`. An exception that escapes becomes such a note.
"""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, Union

    from podprobe_agent.collectors.context import Context
    from podprobe_agent.output import Rows

    Answer = Union[dict[str, Any], Iterable[dict[str, Any]], Iterable[Rows]]
    Collector = Callable[[Context], Answer]

COLLECTORS = {
    # the agent's own container
    "processes": "processes:collect",
    "fds": "fds:collect",
    "open_files": "open_files:collect",
    "maps": "maps:collect",
    "semaphore_waiters": "semaphore_waiters:collect",
    "mounts": "mounts:collect",
    "walks": "volumes:collect",
    "dev_shm": "posix_ipc:collect_dev_shm",
    "cgroup": "cgroup:collect",
    "locks": "locks:collect",
    "dns": "dns:collect",
    # what the namespaces share
    "inet": "sockets:collect",
    "unix": "unix_sockets:collect",
    "packet": "packet:collect",
    "interfaces": "interfaces:collect",
    "counters": "counters:collect",
    "sysv_shm": "sysv:collect_shm",
    "sysv_sem": "sysv:collect_sem",
    "sysv_msg": "sysv:collect_msg",
    "ipc_limits": "ipc_limits:collect",
    "mqueue": "posix_ipc:collect_mqueue",
}
"""Area to `module:function` within this package; imported when first asked for."""


def sockets_before() -> int:
    """How many sockets the last look found; 0 before the first."""
    module = sys.modules.get(f"{__name__}.sockets")
    return module.found if module else 0


def load(area: str) -> Collector:
    """The collector of an area.

    Raises:
        KeyError: there is no such area.
        ImportError, AttributeError: its module does not load here.
    """
    module, _, function = COLLECTORS[area].partition(":")
    collector: Collector = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return collector
