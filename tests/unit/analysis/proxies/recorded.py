"""Snapshots of Pods with real proxies in them, taken on a cluster, as the session has them before it judges.

`proxied`: nginx, haproxy, socat and Envoy before one application, each with a connection from outside. `meshed`: Envoy,
to which iptables redirects connections, as in Istio; port 9000, and port 9999 of others, are left out.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.judging import concluded
from podprobe.model import from_json

if TYPE_CHECKING:
    from podprobe.model import Path as Way
    from podprobe.model import Snapshot

_DATA = Path(__file__).parents[3] / "data/proxies"


@lru_cache
def recorded(name: str) -> Snapshot:
    """The snapshot of a file."""
    return from_json((_DATA / f"{name}.json").read_bytes())


def judged(snapshot: Snapshot, before: Snapshot | None = None) -> Snapshot:
    """With channels, proxies, mesh, roles, paths and findings, as a session adds them."""
    return concluded(snapshot, () if before is None else (before,))


@lru_cache
def envoys() -> dict[str, str]:
    """What an Envoy 1.40 answered at its administration port, as an agent passes it on, by piece."""
    return {
        piece: (_DATA / f"envoy/{piece}.json").read_text() for piece in ("server_info", "clusters", "stats")
    }


def words(path: Way) -> str:
    """A path in a line: `outside → nginx 10.78.0.4:80 → app /run/app.sock`."""
    legs = [f"{leg.to_container or 'outside'} {leg.to}" for leg in path.legs]
    return " → ".join([path.legs[0].from_container or "outside", *legs])
