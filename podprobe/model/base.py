"""What every part of a snapshot is made of: a frozen struct, and the few words that recur."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["full", "partial", "none"]
Protocol = Literal["tcp", "udp", "raw", "packet"]
Scope = Literal["loopback", "pod", "external"]
Evidence = Literal["fd", "cgroup", "uid", "listener", "elimination", "declared", "none"]
"""How an owner is known, best first: an open file descriptor, the socket's cgroup id, a user id that only one
container uses, the listener that accepted it, a user id that of all processes which cannot be looked into only one
container's have (unix sockets), a declared port (a guess), nothing."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen part of the snapshot. A change is a new object; absent is `None`, never guessed."""


class Filesystem(Model, frozen=True, kw_only=True):
    """What `statvfs` says of a filesystem."""

    bytes: int
    """Size in bytes."""
    used_bytes: int
    available_bytes: int
    """Bytes that an unprivileged process may still write."""
    inodes: int
    """Number of inodes; 0 where the filesystem makes them as needed."""
    used_inodes: int


class Usage(Model, frozen=True, kw_only=True):
    """What a walk over a directory counted."""

    bytes: int
    """Bytes allocated (`st_blocks` × 512), files with several links once."""
    inodes: int
    method: Literal["walk", "statvfs", "kubelet"]
    complete: bool
    """False where the walk's budget ran out: then the numbers are lower bounds."""
    reason: str | None = None


class ProcessRef(Model, frozen=True, kw_only=True):
    """A process, as its own container numbers it."""

    pid: int
    name: str


class Owner(Model, frozen=True, kw_only=True):
    """How the owner of a socket is known."""

    by: Evidence
    process: ProcessRef | None = None


UNOWNED = Owner(by="none")
