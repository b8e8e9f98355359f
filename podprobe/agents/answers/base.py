"""What every part of an answer is made of, and what surrounds it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=4096)]
Word = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0)]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an agent's answer. Unknown fields are ignored; wrong types and oversized text are errors."""


class Hello(Answer, frozen=True, kw_only=True):
    """Who the agent is: its first frame."""

    protocol: int
    version: Word
    python: Word
    kernel: Word
    """`uname -r`."""
    machine: Word
    """`x86_64`, `aarch64`."""
    libc: Word = ""
    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    capabilities: Count
    """CapEff as a bit set."""
    no_new_privileges: bool | None = None
    seccomp: int | None = None
    psutil: Word | None = None
    """Its version; `None` where it could not be loaded."""
    psutil_error: Text | None = None
    page_bytes: int
    boot_time: float
    """Of the machine; SysV and process times are relative to it in places."""
    namespaces: dict[Word, int] = {}
    """The agent's own, by name (`net`, `ipc`, `pid`, `mnt`, `uts`, `user`, `cgroup`)."""
    target_namespaces: dict[Word, int] = {}
    """Those of PID 1 as far as they are readable."""
    capture: bool = False
    """The agent holds NET_RAW."""


class Seen(Answer, frozen=True, kw_only=True):
    """What an agent could not see, or not wholly."""

    area: Word
    level: Literal["full", "partial", "none"]
    reason: Text
    allow: Text | None = None


class End(Answer, frozen=True, kw_only=True):
    """The end of an answer."""

    visibility: Annotated[tuple[Seen, ...], Meta(max_length=1000)] = ()
    duration_us: Count
    taken_at: float
