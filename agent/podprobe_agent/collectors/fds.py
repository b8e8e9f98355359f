"""Area `fds`: which process holds which socket."""

from podprobe_agent.collectors._descriptors import sockets as collect

__all__ = ["collect"]
