"""The demo Pod's manifest and status, as its sandbox keeps them: what the API server would answer for a Pod."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from podprobe.decoding import decode
from podprobe.targets.kubernetes.objects import Pod
from podprobe.targets.kubernetes.state import pod_state

if TYPE_CHECKING:
    from podprobe.targets.base import PodState

_MOST_BYTES = 1 << 20


def read(sandbox_pid: int) -> PodState | None:
    """The declared state that a sandbox keeps at `/pod.json`.

    Args:
        sandbox_pid: the process that holds the namespaces, as this machine numbers it.

    Returns:
        `None` where there is no such file: then it is somebody else's sandbox. A container's `id` is that of
        its control group or, without, the inode of its mount namespace.
    """
    try:
        with Path(f"/proc/{sandbox_pid}/root/pod.json").open("rb") as file:
            state = pod_state(decode(file.read(_MOST_BYTES), Pod))
    except (OSError, msgspec.DecodeError):
        return None
    return replace(state, target=msgspec.structs.replace(state.target, kind="local"))
