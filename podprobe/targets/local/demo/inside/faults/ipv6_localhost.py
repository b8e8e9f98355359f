"""In `web`, localhost is ::1 first, and `app` listens on 127.0.0.1 only. Shows NET106."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS = ("NET106",)


def _prefer_ipv6(ready: Callable[[], None]) -> None:
    Path("/etc/hosts").write_text("::1\tlocalhost\n127.0.0.1\tlocalhost4\n127.0.1.1\tdemo\n")
    ready()
    signal.pause()


ACTORS = {"web": _prefer_ipv6}
