"""Whose an IPC object is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.findings.rule import Look


def ours(look: Look, *containers: str | None) -> bool:
    """It is the Pod's: with `hostIPC`, only what one of its containers is known to use is, the rest is the node's."""
    return not look.snapshot.target.host_ipc or any(containers)
