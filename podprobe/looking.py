"""How to look: apart from the session, so that a command line is read without importing one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SessionOptions:
    """How to look."""

    active: bool = True
    """Active probes are allowed, and questions to proxies (`--passive` turns both off)."""
    probe_count: int = 20
    """Connects per endpoint on the first look."""
    probe_count_again: int = 3
    """Connects per endpoint on each further look; they add up over a minute."""
    all_connections: bool = False
    """Keep every connection and unix socket in the snapshot, however many."""
    try_probes: bool = False
    """Try the kubelet's probes from inside the Pod."""
    dns_names: tuple[str, ...] = ()
    """Outside names to look up from inside the Pod, besides the cluster's own."""
    walk_seconds: float = 2.0
    """Time budget for counting what a volume holds."""
    timeout_seconds: float = 15.0
    """The most that one agent may take to answer."""
