"""The command that starts an agent inside a container's namespaces, as an ephemeral container would be."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from podprobe.errors import AgentError
from podprobe.targets.local.procfs import own_namespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.targets.local.procfs import Member

# In a mount namespace of the agent's own, so that nobody else sees these: the /proc of the container's PID namespace,
# its Pod's message queues, and what the kubelet would give every container alike. Those are copied: the kernel binds
# nothing from another mount namespace. All but /proc are a help, not a need.
_PREPARE = """\
mount -t proc proc /proc || exit 125
{ mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o size=1m,mode=755 copies /dev/shm && {
for name in hosts resolv.conf; do
head -c 65536 "/proc/1/root/etc/$name" > "/dev/shm/$name" && mount --bind "/dev/shm/$name" "/etc/$name"
done; umount /dev/shm || umount --lazy /dev/shm; }; } 2>/dev/null
exec "$@\""""


def command(member: Member, program: Sequence[str]) -> list[str]:
    """The arguments that start `program` (of this machine's) beside a process.

    Raises:
        AgentError: util-linux is not installed.
    """
    for tool in ("nsenter", "unshare", "mount"):
        if shutil.which(tool) is None:
            raise AgentError(f"{tool} is not installed on this machine", "install util-linux")
    enter = ["nsenter", "--target", str(member.pid), "--net", "--ipc", "--uts", "--pid"]
    if member.namespaces["user"] != own_namespace("user"):
        enter += ["--user", "--preserve-credentials"]
    return [*enter, "unshare", "--mount", "sh", "-c", _PREPARE, "sh", sys.executable, *program]
