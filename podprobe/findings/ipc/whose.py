"""Whose an IPC object is, and what to call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.facts.subjects import is_private

if TYPE_CHECKING:
    from podprobe.findings.rule import Look
    from podprobe.model import MessageQueue, SemaphoreSet, SharedMemory


def ours(look: Look, *containers: str | None) -> bool:
    """It is the Pod's: with `hostIPC`, only what one of its containers is known to use is, the rest is the node's."""
    return not look.snapshot.target.host_ipc or any(containers)


def named(kind: str, each: SharedMemory | SemaphoreSet | MessageQueue) -> str:
    """`shm 0x0000dead`: by its key, which stays when a restart makes it anew; private ones (key 0) by their id."""
    return f"{kind} {each.key} ({each.id})" if is_private(each.key) else f"{kind} {each.key}"
