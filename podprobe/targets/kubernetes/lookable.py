"""Whether a Pod can be looked at, known before anything is added to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.errors import GoneError, TargetError
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.objects import Node
from podprobe.targets.kubernetes.state import running, specs

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import Pod


def check(pod: Pod) -> None:
    """Nothing rules an agent out.

    Raises:
        GoneError: the Pod is finished, or on its way out.
        TargetError: it is not started, static, or on Windows.
    """
    name = f"Pod {pod.metadata.name} in namespace {pod.metadata.namespace}"
    describe = f"kubectl describe pod -n {pod.metadata.namespace} {pod.metadata.name}"
    if pod.metadata.deletion_timestamp:
        raise GoneError(f"{name} is being deleted", "look at another Pod")
    if pod.status.phase in ("Succeeded", "Failed"):
        why = pod.status.message or pod.status.reason or ""
        raise GoneError(
            f"{name} has ended ({pod.status.phase}{': ' + why if why else ''}): nothing runs in it any more",
            f"see how it ended: {describe}",
        )
    system = (pod.spec.os.name if pod.spec.os else None) or (pod.spec.node_selector or {}).get(
        "kubernetes.io/os"
    )
    if system == "windows":
        raise TargetError(f"{name} runs on Windows", "podprobe looks at Linux containers")
    if "kubernetes.io/config.mirror" in (pod.metadata.annotations or {}):
        raise TargetError(
            f"{name} is a static Pod: it takes no ephemeral containers",
            f"on its node {pod.spec.node_name}, as root: podprobe snapshot local:PID with a process of it",
        )
    if not any(True for _ in running(pod)):
        raise TargetError(f"nothing runs in {name} yet: {_why_not(pod)}", f"see why: {describe}")


def read_node(api: Api, pod: Pod) -> Node | None:
    """The Pod's node, if one may see it. It is the cluster's, so the least role does not have it.

    Raises:
        TargetError: the node is gone, or the control plane has not heard from it: an agent would never start.
    """
    if not pod.spec.node_name:
        return None
    try:
        node = api.recently(asks.get_node(pod.spec.node_name), Node)
    except ApiError as error:
        if error.says_not_found:
            raise TargetError(
                f"node {pod.spec.node_name} of Pod {pod.metadata.name} is gone",
                "the Pod will be deleted; look at another",
            ) from None
        return None
    ready = node.ready
    if ready and ready.status != "True":
        raise TargetError(
            f"node {pod.spec.node_name} of Pod {pod.metadata.name} is not ready: {ready.message or ready.reason}",
            f"see: kubectl describe node {pod.spec.node_name}",
        )
    return node


def _why_not(pod: Pod) -> str:
    reported = pod.statuses()
    said: list[str] = []
    for spec, _ in specs(pod):
        status = reported.get(spec.name)
        state = status.state if status else None
        if state and state.waiting and state.waiting.reason:
            detail = " ".join((state.waiting.message or "").split())
            said.append(f"{spec.name} {state.waiting.reason}{': ' + detail if detail else ''}")
        elif state and state.terminated:
            said.append(f"{spec.name} ended with exit status {state.terminated.exit_code}")
    if not said:
        said = [
            f"{one.reason}: {one.message}" if one.message else str(one.reason)
            for one in pod.status.conditions or ()
            if one.status == "False" and one.reason
        ]
    return "; ".join(said) or f"it is {pod.status.phase or 'not scheduled'}"
