"""Volumes that nobody has declared: file systems that are mounted in two containers or more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.model import Volume, VolumeMount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What every container has from its runtime, shared or not.
_SYSTEM_PATHS = re.compile(
    r"/(?:$|(?:proc|sys|dev)(?:/|$)|etc/(?:hosts|hostname|resolv\.conf)$|run/secrets/)"
)
_SYSTEM_TYPES = frozenset(
    (
        "proc",
        "sysfs",
        "cgroup",
        "cgroup2",
        "devpts",
        "mqueue",
        "devtmpfs",
        "securityfs",
        "debugfs",
        "tracefs",
        "bpf",
        "nsfs",
    )
)
_KUBELET_VOLUME = re.compile(r"/volumes/kubernetes\.io~([a-z-]+)/([^/]+)")
_KUBELET_TYPES = {
    "empty-dir": "emptyDir", "configmap": "configMap", "secret": "secret", "projected": "projected",
    "downward-api": "downwardAPI", "csi": "csi",
}  # fmt: skip


@dataclass(frozen=True)
class MountLine:
    """What a line of /proc/PID/mountinfo says."""

    device: str
    root: str
    path: str
    read_only: bool
    filesystem_type: str


def read_mounts(pid: int | str) -> tuple[MountLine, ...]:
    """The mounts of a process; none where it has ended."""
    try:
        text = Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
    except OSError:
        return ()
    return tuple(parse_line(line) for line in text.splitlines())


def parse_line(line: str) -> MountLine:
    """One line of mountinfo: `36 35 98:0 /root /path rw,… optional… - type source options`."""
    before, _, after = line.partition(" - ")
    fields = before.split(" ")
    options = fields[5].split(",")
    return MountLine(
        device=fields[2],
        root=_unescape(fields[3]),
        path=_unescape(fields[4]),
        read_only="ro" in options,
        filesystem_type=after.split(" ")[0],
    )


def deduce(mounts: Mapping[str, Iterable[MountLine]], host: Iterable[MountLine]) -> tuple[Volume, ...]:
    """The volumes that containers share.

    Args:
        mounts: by container.
        host: this machine's own; what a container merely inherited is no volume.
    """
    inherited = {(line.device, line.root, line.path) for line in host}
    places: dict[tuple[str, str], list[tuple[str, MountLine]]] = {}
    for container, lines in mounts.items():
        for line in lines:
            if (line.device, line.root, line.path) in inherited or line.filesystem_type in _SYSTEM_TYPES:
                continue
            if not _SYSTEM_PATHS.match(line.path):
                places.setdefault((line.device, line.root), []).append((container, line))
    names: dict[str, int] = {}
    return tuple(
        _volume(root, seen, names)
        for (_, root), seen in places.items()
        if len({container for container, _ in seen}) > 1
    )


def _volume(root: str, seen: list[tuple[str, MountLine]], names: dict[str, int]) -> Volume:
    first = seen[0][1]
    kubelet = _KUBELET_VOLUME.search(root)
    name = kubelet[2] if kubelet else first.path.rstrip("/").rpartition("/")[2]
    names[name] = names.get(name, 0) + 1
    in_memory = first.filesystem_type == "tmpfs"
    kind = _KUBELET_TYPES.get(kubelet[1], kubelet[1]) if kubelet else "tmpfs" if in_memory else "bind"
    return Volume(
        name=name if names[name] == 1 else f"{name}-{names[name]}",
        type=kind,
        medium="Memory" if in_memory else None,
        source=None if kubelet or in_memory else root,
        mounts=tuple(
            VolumeMount(container=container, path=line.path, read_only=line.read_only, seen=True)
            for container, line in seen
        ),
    )


def _unescape(text: str) -> str:
    """The kernel writes space, tab, newline and backslash as a backslash and three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
