"""Whose a captured flow is: a capture has addresses, a snapshot knows their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis import endpoints
from podprobe.analysis.endpoints import endpoint

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.model.capture import Capture


def with_containers(capture: Capture, *snapshots: Snapshot) -> Capture:
    """The capture with the containers of its flows.

    Args:
        capture: of the Pod.
        snapshots: of the same Pod, around the capture: a connection that lived through neither is known by its
            listener only, on the server's side. Later ones win, for ports are used again.
    """
    sockets: dict[str, str] = {}
    listeners: dict[tuple[str, str, int], str] = {}
    for snapshot in snapshots:
        for listener in snapshot.network.listeners:
            if listener.container is not None:
                listeners[listener.protocol, listener.address, listener.port] = listener.container
        for connection in snapshot.network.connections:
            if connection.container is not None:
                sockets[connection.local] = connection.container
    ours = {
        address.partition("/")[0]
        for snapshot in snapshots
        for interface in snapshot.network.interfaces
        for address in interface.addresses
    }

    def owner(protocol: str, text: str) -> str | None:
        address, port = endpoints.split(text)
        if port is None or not (address in ours or address.startswith("127.") or address == "::1"):
            return None
        wildcard = "::" if ":" in address else "0.0.0.0"  # noqa: S104  # compared with, not bound to
        return (
            sockets.get(endpoint(address, port))
            or listeners.get((protocol, address, port))
            or listeners.get((protocol, wildcard, port))
            or listeners.get((protocol, "::", port))
        )

    flows = tuple(
        msgspec.structs.replace(
            flow,
            from_container=owner(flow.protocol, flow.client),
            to_container=owner(flow.protocol, flow.server),
        )
        for flow in capture.flows
    )
    return msgspec.structs.replace(capture, flows=flows)
