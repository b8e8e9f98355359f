"""Proxies, the mesh that they belong to, and the paths that requests take through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from podprobe.analysis.proxies.mesh import INTERCEPTION, mesh, unread_rules
from podprobe.analysis.proxies.paths import paths
from podprobe.analysis.proxies.programs import proxies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podprobe.model import ProxyAdmin, Snapshot


def with_mesh(snapshot: Snapshot, admins: Mapping[str, ProxyAdmin] | None = None) -> Snapshot:
    """The snapshot with its proxies, what their administration ports said, and its mesh. Goes before `with_roles`."""
    told = admins or {}
    found = mesh(snapshot)
    return replace(
        snapshot,
        proxies=tuple(replace(each, admin=told.get(each.container)) for each in proxies(snapshot)),
        mesh=found,
        visibility=(
            *(seen for seen in snapshot.visibility if seen.area != INTERCEPTION),
            *([unread_rules(found)] if found else []),
        ),
    )


def with_paths(
    snapshot: Snapshot, before: Snapshot | None = None, thresholds: Mapping[str, float] | None = None
) -> Snapshot:
    """The snapshot with the paths through its proxies. Goes after `with_mesh` and `with_roles`."""
    return replace(snapshot, paths=paths(snapshot, before, thresholds))
