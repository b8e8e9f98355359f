"""Ending live agents before their time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podprobe.errors import AgentError, LookError
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.agents import holders
from podprobe.targets.kubernetes.exec import run
from podprobe.targets.kubernetes.objects import Pod

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.api import Api

# A container's processes, and no others, are in its mount namespace: the PID namespace is the application's.
_END = """\
own=$(readlink /proc/self/ns/mnt) && [ -n "$own" ] || exit 1
for process in /proc/[0-9]*; do
  pid=${process#/proc/}
  [ "$pid" != $$ ] && [ "$(readlink "$process/ns/mnt" 2>/dev/null)" = "$own" ] && kill -TERM "$pid" 2>/dev/null
done
exit 0"""
_POLL_SECONDS = 0.2


def end_agents(api: Api, pod: Pod) -> list[str]:
    """End every live agent of the Pod, and wait until they have ended.

    Returns:
        The names of their containers. They stay in the Pod's spec: nothing can remove them from it.

    Raises:
        AgentError: one did not end in time.
        AccessError: exec is not allowed.
    """
    namespace, name = pod.metadata.namespace or "default", pod.metadata.name
    live = [holder.name for holder in holders(pod) if holder.running]
    for holder in live:
        try:
            run(api, namespace, name, holder, ["sh", "-c", _END], api.request_timeout)
        except LookError:
            # It may just have ended by itself; whether it has is seen below.
            if holder in _running(api, pod):
                raise
    deadline = time.monotonic() + api.request_timeout
    while left := sorted(set(live) & _running(api, pod)):
        if time.monotonic() > deadline:
            raise AgentError(
                f"{', '.join(left)} did not end within {api.request_timeout:g} s",
                "it ends by itself when its lifetime is over",
            )
        time.sleep(_POLL_SECONDS)
    return live


def _running(api: Api, pod: Pod) -> set[str]:
    seen = api.get(asks.get_pod(pod.metadata.namespace or "default", pod.metadata.name), Pod)
    return {holder.name for holder in holders(seen) if holder.running}
