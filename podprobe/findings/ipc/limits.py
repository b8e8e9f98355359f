"""The IPC namespace's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.words import percent, share
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator


@rule(
    "IPC105",
    "warning",
    title="A kernel limit of the IPC namespace is near",
    when="Segments, semaphores, queues or shared pages take {warning_ratio:percent} or more of what the "
    "IPC namespace may have.",
    measured="`kernel.shmmni`, `shmall`, `sem`, `msgmni` and `fs.mqueue.queues_max` of the namespace, and the "
    "objects in it (/proc/sysvipc/*, /dev/mqueue).",
    why="At the limit, shmget(), semget(), msgget() and mq_open() fail with ENOSPC, in whichever "
    "container comes next.",
    remedy="Remove what is leaked (IPC101), or raise the sysctl in `spec.securityContext.sysctls` (the "
    "namespaced ones are allowed as safe or unsafe sysctls, by the cluster's policy).",
    thresholds={"warning_ratio": Threshold(0.8, "share of the limit that is taken")},
)
def near_limit(look: Look) -> Iterator[Hit]:
    """Little is left of a limit."""
    for index, each in enumerate(look.snapshot.ipc.limits):
        filled = share(each.used, each.limit)
        if filled is None or filled < look["warning_ratio"]:
            continue
        yield Hit(
            subject=each.name,
            evidence=[f"{each.used:,} of {each.limit:,} ({percent(filled)}) of {each.name} are taken."],
            remedy="Remove what nobody uses (`ipcs -a`, `ls /dev/mqueue`), or raise "
            f"`{_SYSCTLS.get(each.name, each.name)}` under `spec.securityContext.sysctls`.",
            pointers=[f"/ipc/limits/{index}"],
        )


_SYSCTLS = {
    "shmmni": "kernel.shmmni",
    "shmall_bytes": "kernel.shmall",
    "semmni": "kernel.sem",
    "semmns": "kernel.sem",
    "msgmni": "kernel.msgmni",
    "mqueue_queues": "fs.mqueue.queues_max",
}
