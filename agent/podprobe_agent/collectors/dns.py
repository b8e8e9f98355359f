"""Area `dns`: the settings by which the container's programs resolve names. No query is made here."""

from __future__ import annotations

from podprobe_agent import resolvconf
from podprobe_agent.collectors import _door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podprobe_agent.collectors.context import Context


def collect(context: Context) -> dict[str, Any]:
    """`answers.DnsValue`."""
    door = _door.find(context)
    own = False
    try:
        settings = resolvconf.read(door)
    except FileNotFoundError:
        settings = resolvconf.Settings([], [], [])
    except OSError as error:
        settings, own = resolvconf.read_own(), True
        context.note(
            "partial",
            f"cannot read the container's /etc/resolv.conf ({error.strerror}): shown is the agent's own, which the "
            "kubelet makes alike for every container of a Pod",
        )
    return {
        "servers": settings.servers,
        "search": settings.search,
        "options": settings.options,
        "hosts": None if own else resolvconf.hosts_order(door),
        "library": None if own else resolvconf.library(door),
    }
