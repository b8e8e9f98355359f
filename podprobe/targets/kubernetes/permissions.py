"""The permissions that podprobe uses, what each is for, and whether the user has it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.targets.kubernetes.asks import Ask
from podprobe.targets.kubernetes.failures import GRANT, ApiAccessError, ApiError
from podprobe.targets.kubernetes.objects import AccessReview, Version

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.api import Api

_CREATE_SINCE = (1, 35)
"""From this Kubernetes on, `create` is asked for where a WebSocket begins; before, `get` alone."""


@dataclass(frozen=True)
class Permission:
    """One verb on one resource."""

    ask: Ask
    purpose: str
    """What it is for; where it is not needed: what is lost without it."""
    needed: bool


@dataclass(frozen=True)
class Granted:
    """A permission, and whether the user has it."""

    permission: Permission
    allowed: bool | None
    """`None`: the API server does not tell."""
    reason: str = ""


def permissions(namespace: str, server: tuple[int, int] | None = None) -> list[Permission]:
    """All of the role that `podprobe doctor --role` prints, in its order; needed or not on a server of that version."""

    def one(
        verb: str, resource: str, purpose: str, *, needed: bool = False, group: str = "", here: bool = True
    ) -> Permission:
        return Permission(Ask(verb, resource, namespace if here else None, group=group), purpose, needed)

    return [
        one("get", "pods", "read the Pod", needed=True),
        one("list", "pods", "selectors, deploy/NAME, and similar names when one is mistyped"),
        one("watch", "pods", "follow agents while they start; without it podprobe asks again and again"),
        one("patch", "pods/ephemeralcontainers", "add agents", needed=True),
        one("get", "pods/exec", "talk to agents", needed=True),
        one("create", "pods/exec", "talk to agents (Kubernetes 1.35 and later)", needed=_asks_create(server)),
        one("list", "services", "the Services that select the Pod"),
        one("list", "events", "recent failures of the Pod's probes"),
        one("list", "endpointslices", "whether the Pod is a ready endpoint", group="discovery.k8s.io"),
        one("list", "networkpolicies", "the NetworkPolicies that select the Pod", group="networking.k8s.io"),
        one("get", "deployments", "the target deploy/NAME", group="apps"),
        one("get", "statefulsets", "the target sts/NAME", group="apps"),
        one("get", "daemonsets", "the target ds/NAME", group="apps"),
        one("get", "jobs", "the target job/NAME", group="batch"),
        one("get", "nodes", "whether the node is well and has the agent's image", here=False),
        one("get", "namespaces", "which Pod Security level the namespace enforces", here=False),
    ]


def check_exec(api: Api, namespace: str) -> None:
    """Exec is allowed. Asked before an agent is added, which without exec would be of no use and there for good.

    Raises:
        ApiAccessError: it is not.
    """
    api.recent.get(("exec", namespace), lambda: _check_exec(api, namespace))


def _check_exec(api: Api, namespace: str) -> None:
    verbs = ("get", "create")
    answers = ask_all(
        api, [Permission(Ask(verb, "pods/exec", namespace), "talk to agents", True) for verb in verbs]
    )
    denied = [one.permission.ask for one in answers if one.allowed is False]
    # `create` alone is asked for from 1.35 on; the version is looked up only where that matters.
    if not denied or (denied[0].verb == "create" and not _asks_for_create(api)):
        return
    raise ApiAccessError(
        f"you may not {denied[0].permission}: agents cannot be talked to without it", GRANT, status=403
    )


def _asks_for_create(api: Api) -> bool:
    return _asks_create(server_version(api.raw("/version", Version).git_version))


def server_version(text: str) -> tuple[int, int] | None:
    """Major and minor of `v1.36.0`; `None` where it is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _asks_create(server: tuple[int, int] | None) -> bool:
    return server is None or server >= _CREATE_SINCE


def ask_all(api: Api, wanted: list[Permission]) -> list[Granted]:
    """Ask for each, several at a time, by SelfSubjectAccessReview. Anyone may ask that about oneself.

    Raises:
        ApiError: the API server cannot be reached, or does not know who is asking.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda permission: _granted(api, permission), wanted))


def _granted(api: Api, permission: Permission) -> Granted:
    ask = permission.ask
    resource, _, subresource = ask.resource.partition("/")
    attributes = {
        "verb": ask.verb,
        "resource": resource,
        "subresource": subresource,
        "group": ask.group,
        "namespace": ask.namespace or "",
    }
    review = Ask("create", "selfsubjectaccessreviews", group="authorization.k8s.io")
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = api.create(review, body, AccessReview)
    except ApiError as error:
        if error.status in (0, 401):
            raise
        return Granted(permission, None, error.message)
    return Granted(permission, answer.status.allowed, answer.status.reason)
