"""Who a container's first process is, where the API server does not know: its own /proc tells anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.errors import LookError
from podprobe.targets.kubernetes.exec import run
from podprobe.targets.kubernetes.objects import LinuxUser

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.agents import Holder
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import Pod


def of_first_process(api: Api, pod: Pod, holder: Holder) -> LinuxUser | None:
    """The effective user and group ids of process 1 in the PID namespace that `holder` has joined."""
    try:
        output, _ = run(
            api, pod.metadata.namespace or "default", pod.metadata.name, holder.name, ["cat", "/proc/1/status"],
            api.request_timeout,
        )  # fmt: skip
    except LookError:
        return None
    return parse(output)


def parse(status: bytes) -> LinuxUser | None:
    """`Uid:` and `Gid:` of a /proc/PID/status: real, effective, saved, filesystem."""
    fields = dict(line.split(":", 1) for line in status.decode(errors="replace").splitlines() if ":" in line)
    try:
        uid, gid = int(fields["Uid"].split()[1]), int(fields["Gid"].split()[1])
        groups = tuple(int(group) for group in fields.get("Groups", "").split())
    except (KeyError, IndexError, ValueError):
        return None
    return LinuxUser(uid=uid, gid=gid, supplemental_groups=groups)
