"""How a target is reached: what the command line's shared options say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["mirror", "netraw", "ptrace"]
AgentsMode = Literal["each", "single"]


@dataclass(frozen=True)
class Access:
    """Where the cluster is, as whom it is spoken to, and how agents are started."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()
    image: str | None = None
    """The agents' image; `None`: the configured one."""
    ttl_seconds: int | None = None
    """Lifetime of an agent at rest; `None`: the configured one."""
    profile: Profile = "mirror"
    """`mirror`: exactly the privileges of the container looked at; the others add one capability."""
    agents: AgentsMode = "each"
    request_timeout: float = 30.0
    """Seconds that any single request to the API server may take."""
