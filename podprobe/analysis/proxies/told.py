"""What a mesh's interception is said to be: by its init container's arguments, and by annotations.

The rules themselves (iptables, nftables) can be read with NET_ADMIN alone, which no agent has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from podprobe.analysis.proxies.programs import image_name
from podprobe.model import Interception

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.model import Container, MeshName, Snapshot

_DEFAULTS: dict[MeshName, Interception] = {
    "istio": Interception(inbound_port=15006, outbound_port=15001, proxy_uid=1337),
    "istio-ambient": Interception(inbound_port=15006, outbound_port=15001),
    "linkerd": Interception(inbound_port=4143, outbound_port=4140, proxy_uid=2102),
    "consul": Interception(inbound_port=20000, outbound_port=15001, proxy_uid=5995),
    "kuma": Interception(inbound_port=15006, outbound_port=15001, proxy_uid=5678),
    "app-mesh": Interception(inbound_port=15000, outbound_port=15001, proxy_uid=1337),
}
_INITS = {
    "istio-init": "init-container",
    "linkerd-init": "init-container",
    "kuma-init": "init-container",
    "consul-connect-inject-init": "init-container",
    "istio-validation": "cni",
    "linkerd-network-validator": "cni",
    "kuma-validation": "cni",
}
_OPTIONS = {
    "-p": "outbound_port",
    "--envoy-port": "outbound_port",
    "--outgoing-proxy-port": "outbound_port",
    "--redirect-outbound-port": "outbound_port",
    "-z": "inbound_port",
    "--inbound-capture-port": "inbound_port",
    "--incoming-proxy-port": "inbound_port",
    "--redirect-inbound-port": "inbound_port",
    "-u": "proxy_uid",
    "--proxy-uid": "proxy_uid",
    "-b": "inbound_ports",
    "--istio-inbound-ports": "inbound_ports",
    "--ports-to-redirect": "inbound_ports",
    "-d": "excluded_inbound_ports",
    "--istio-local-exclude-ports": "excluded_inbound_ports",
    "--inbound-ports-to-ignore": "excluded_inbound_ports",
    "--exclude-inbound-ports": "excluded_inbound_ports",
    "-o": "excluded_outbound_ports",
    "--istio-local-outbound-ports-exclude": "excluded_outbound_ports",
    "--outbound-ports-to-ignore": "excluded_outbound_ports",
    "--exclude-outbound-ports": "excluded_outbound_ports",
    "-x": "excluded_outbound_addresses",
    "--istio-service-exclude-cidr": "excluded_outbound_addresses",
    "--subnets-to-ignore": "excluded_outbound_addresses",
}
_ANNOTATIONS = {
    "traffic.sidecar.istio.io/includeInboundPorts": "inbound_ports",
    "traffic.sidecar.istio.io/excludeInboundPorts": "excluded_inbound_ports",
    "traffic.sidecar.istio.io/excludeOutboundPorts": "excluded_outbound_ports",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": "excluded_outbound_addresses",
    "config.linkerd.io/skip-inbound-ports": "excluded_inbound_ports",
    "config.linkerd.io/skip-outbound-ports": "excluded_outbound_ports",
    "config.linkerd.io/skip-subnets": "excluded_outbound_addresses",
    "traffic.kuma.io/exclude-inbound-ports": "excluded_inbound_ports",
    "traffic.kuma.io/exclude-outbound-ports": "excluded_outbound_ports",
    "consul.hashicorp.com/transparent-proxy-exclude-inbound-ports": "excluded_inbound_ports",
    "consul.hashicorp.com/transparent-proxy-exclude-outbound-ports": "excluded_outbound_ports",
    "consul.hashicorp.com/transparent-proxy-exclude-outbound-cidrs": "excluded_outbound_addresses",
}
_NUMBERS = frozenset({"outbound_port", "inbound_port", "proxy_uid"})


def interception(snapshot: Snapshot, mesh: MeshName) -> tuple[Interception, list[str]]:
    """How the mesh intercepts, and the sentences that tell how that is known.

    The mesh's defaults are overruled by annotations, and these by the init container's arguments.
    """
    found, evidence = _DEFAULTS[mesh], []
    told = {
        field: value
        for key, field in _ANNOTATIONS.items()
        if (value := snapshot.target.annotations.get(key)) is not None
    }
    found = _with(found, told.items())
    evidence += [
        f"The annotation {key} says {snapshot.target.annotations[key]}."
        for key in _ANNOTATIONS
        if key in snapshot.target.annotations
    ]
    for container in snapshot.containers:
        made = _init_kind(container)
        if made == "cni":
            found = replace(found, by="cni")
            evidence.append(
                f"The init container {container.name} checks rules that the node's CNI plugin made."
            )
        elif made == "init-container":
            said = dict(_said(container.command))
            found = replace(_with(found, said.items()), by="init-container")
            words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items() if value)
            evidence.append(
                f"The init container {container.name} made the rules{f' ({words})' if words else ''}."
            )
    return found, evidence


def _init_kind(container: Container) -> str | None:
    if container.kind != "init":
        return None
    if known := _INITS.get(container.name):
        return known
    image = image_name(container.image)
    if image.endswith("/proxy-init") or "istio-iptables" in container.command:
        return "init-container"
    return None


def _said(command: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What the options of istio-iptables, linkerd's proxy-init and kumactl say, by the field that they are about."""
    words = list(command)
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if field := _OPTIONS.get(name):
            if not equals:
                value = words[place + 1] if place + 1 < len(words) else ""
            if not value.startswith("-"):
                yield field, value


def _with(found: Interception, told: Iterable[tuple[str, str]]) -> Interception:
    changes: dict[str, int | str | tuple[str, ...]] = {}
    for field, value in told:
        if field in _NUMBERS:
            if value.isascii() and value.isdecimal() and len(value) < 10:
                changes[field] = int(value)
        elif field == "inbound_ports":
            changes[field] = value
        else:
            listed = tuple(part.strip() for part in value.split(",") if part.strip())
            before = changes.get(field, getattr(found, field))
            changes[field] = tuple(dict.fromkeys((*before, *listed))) if isinstance(before, tuple) else listed
    return replace(found, **changes)


def is_excluded(port: int | None, ranges: Iterable[str]) -> bool:
    """A port is among `80`, `8000-8010`."""
    for text in ranges:
        low, dash, high = text.partition("-")
        known = port is not None and low.isdecimal() and (high.isdecimal() if dash else True)
        if known and int(low) <= (port or 0) <= int(high if dash else low):
            return True
    return False
