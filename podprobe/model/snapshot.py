"""The snapshot: one look at one Pod."""

from __future__ import annotations

from podprobe.model.base import Model
from podprobe.model.dns import Dns
from podprobe.model.ipc import Ipc
from podprobe.model.judgement import Channel, Finding, Ignored, Latency, Service
from podprobe.model.network import Network
from podprobe.model.pod import Container, Start, Target, Tool, Visibility
from podprobe.model.policies import NetworkPolicy, Reach
from podprobe.model.proxies import Mesh, Path, Proxy
from podprobe.model.volumes import Mount, Volume

SCHEMA = "podprobe.snapshot/v1"


class Snapshot(Model, frozen=True, kw_only=True):
    """One look at one Pod.

    Within v1 nothing is renamed or dropped. A newer minor version may add fields, which an older one leaves out when
    it reads, and values to those fields that list theirs (a kind of channel, say). A reader that does not know such a
    value cannot tell what is meant; podprobe then says which version wrote the snapshot.
    """

    schema: str = SCHEMA
    tool: Tool
    taken_at: str
    """RFC 3339, UTC."""
    duration_ms: float
    target: Target
    visibility: tuple[Visibility, ...] = ()
    containers: tuple[Container, ...] = ()
    starts: tuple[Start, ...] = ()
    """In what order the containers started; in the order of the kubelet, init containers first."""
    network: Network = Network()
    ipc: Ipc = Ipc()
    volumes: tuple[Volume, ...] = ()
    mounts: tuple[Mount, ...] = ()
    latency: tuple[Latency, ...] = ()
    channels: tuple[Channel, ...] = ()
    services: tuple[Service, ...] = ()
    network_policies: tuple[NetworkPolicy, ...] = ()
    """Those that select the Pod."""
    reach: tuple[Reach, ...] = ()
    """For each port that is listened on other than on loopback; empty where no NetworkPolicy selects the Pod."""
    proxies: tuple[Proxy, ...] = ()
    paths: tuple[Path, ...] = ()
    """The ways that requests were seen to take through them."""
    mesh: Mesh | None = None
    dns: tuple[Dns, ...] = ()
    """One for each way in which the containers resolve names; most Pods have one."""
    findings: tuple[Finding, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    """Findings that are none, since the configuration accepts them."""
