"""Objects as an API server sent them, and small ones written by hand."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from podprobe.targets.kubernetes.objects import Pod

T = TypeVar("T")
DATA = Path(__file__).parents[2] / "data" / "kubernetes"


def load(name: str, kind: type[T]) -> T:
    return msgspec.json.decode((DATA / f"{name}.json").read_bytes(), type=kind)


def pod(
    container: dict[str, Any] | None = None,
    *,
    whole: dict[str, Any] | None = None,
    user: tuple[int, int] | None = None,
    annotations: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
) -> Pod:
    """A Pod with one container `web`: its securityContext, the Pod's, and the user its status reports."""
    reported: dict[str, Any] = {
        "name": "web",
        "containerID": "containerd://abc",
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }
    if user:
        reported["user"] = {"linux": {"uid": user[0], "gid": user[1]}}
    return msgspec.convert(
        {
            "metadata": {"name": "one", "namespace": "shop", "uid": "u1", "annotations": annotations},
            "spec": {
                "containers": [{"name": "web", "image": "web:1", "securityContext": container}],
                "securityContext": whole,
                "nodeName": "node-1",
                **(spec or {}),
            },
            "status": {"phase": "Running", "containerStatuses": [reported], **(status or {})},
        },
        Pod,
    )
