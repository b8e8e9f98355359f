"""A process in a container, over a WebSocket: the one place that knows how exec travels.

`kubernetes.stream` keeps every byte it has read, must not be used from two threads, has no bound on waiting, and drops
the impersonation headers. So the handshake is websocket-client's and the frames (RFC 6455) are read and written here.
"""

from __future__ import annotations

from podprobe.targets.kubernetes.exec.opening import open_exec, run
from podprobe.targets.kubernetes.exec.stream import ExecStream

__all__ = ["ExecStream", "open_exec", "run"]
