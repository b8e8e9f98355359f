"""P2, P3 and P11: a look at a Pod on a real cluster, beside the same by hand with kubectl.

Takes the cluster of KUBECONFIG, makes a namespace of its own there and deletes it. PODPROBE_BENCH_IMAGE is what the
Pods run (a Python), PODPROBE_BENCH_DEBUG_IMAGE what is debugged with by hand (with ss, ipcs, df); both have to be on
the node already: no image is to be pulled in a measurement. PODPROBE_BENCH_PODS is the size of the fleet.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.bench.base import Measure, SkippedError, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMESPACE = "podprobe-bench"
CONTAINERS = ("web", "app", "worker")
IMAGE = os.environ.get("PODPROBE_BENCH_IMAGE", "docker.io/library/python:3-slim")
DEBUG_IMAGE = os.environ.get("PODPROBE_BENCH_DEBUG_IMAGE", "docker.io/nicolaka/netshoot:latest")
FLEET = int(os.environ.get("PODPROBE_BENCH_PODS", "100"))
ROUNDS = 9
KUBELET_SECONDS = 1.0
"""How often a kubelet looks at what its containers do."""
PARALLEL = 8
"""Pods looked at at the same time: podprobe's default, and the same without it."""
FEW = max(1, min(10, FLEET // 2))
_PEAK = "VmHWM:"
# A parent's memory counts in a child's ru_maxrss until its exec; VmHWM of /proc begins anew there.
_WITH_PEAK = f"""
import sys
from podprobe.cli import main
try:
    main(sys.argv[1:])
finally:
    (line,) = (line for line in open("/proc/self/status") if line.startswith("{_PEAK}"))
    print("{_PEAK}", line.split()[1], file=sys.stderr)
"""
BY_HAND = "ss -tinp; ss -xp; ipcs -a; df; df -i; ps"


def run() -> list[Measure]:
    """Fresh Pods for the first look; the same Pods again for one with agents alive; then many at once."""
    if shutil.which("kubectl") is None or "KUBECONFIG" not in os.environ:
        raise SkippedError("needs kubectl, and a cluster named by KUBECONFIG")
    names = [f"{kind}-{number}" for number in range(ROUNDS + 1) for kind in ("hand", "look")]
    with _namespace():
        _apply([_pod(name, CONTAINERS) for name in names])
        first, hand = [], []
        for number in range(ROUNDS + 1):
            hand.append(_at_some_moment(partial(_by_hand, f"hand-{number}")))
            first.append(_at_some_moment(partial(_snapshot, f"look-{number}")))
        # Once all are there: a node that still reports on new agents is no place for agents that have long been alive.
        again = [_at_some_moment(partial(_snapshot, f"look-{number}")) for number in range(ROUNDS + 1)]
        # The first of each warms the node: images mapped, caches filled.
        by_hand, one = statistics.median(hand[1:]), statistics.median(first[1:])
        alive = statistics.median(again[1:])
        _kubectl("delete", "pod", "--all", "--now", "--wait=true")
        fleet = _fleet()
    peer = "kubectl debug and exec by hand"
    return [
        Measure(
            "P2", "snapshot of a Pod, 3 containers, no agent yet", one, "s", peer, by_hand, "≤ 0.8×",
            one <= 0.8 * by_hand,
        ),
        Measure("P3", "the same with agents alive", alive, "s", peer, by_hand, "≤ 0.5×", alive <= 0.5 * by_hand),
        Measure(
            "P11", f"{FLEET} Pods with one `snapshot -l`, each", fleet.seconds / FLEET, "s", "one Pod alone",
            fleet.alone, "≤ 0.15×", fleet.seconds / FLEET <= 0.15 * fleet.alone,
        ),
        Measure(
            "P11b", f"client memory at its peak, {FLEET} Pods", fleet.peak_mib, "MiB", f"{FEW} Pods", fleet.few_mib,
            "≤ 1.25×", fleet.peak_mib <= 1.25 * fleet.few_mib,
        ),
        Measure(
            "P11c", f"{FLEET} Pods with one `snapshot -l`, all", fleet.seconds, "s",
            "Kubernetes alone: an ephemeral container and one exec of `true` each", fleet.floor,
        ),
    ]  # fmt: skip


def _at_some_moment(action: Callable[[], object]) -> float:
    """The seconds that it takes, begun at any moment between two of the kubelet's looks.

    A container's state is known only after the next of them, up to a second later. What begins where the measurement
    before ended would always begin at the same moment, and the median would be that moment's.
    """
    time.sleep(random.uniform(0, KUBELET_SECONDS))
    return seconds(action)


@contextlib.contextmanager
def _namespace() -> Iterator[None]:
    try:
        subprocess.run(["kubectl", "create", "namespace", NAMESPACE], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise SkippedError(
            f"the cluster does not give a namespace: {error.stderr.decode().strip()}"
        ) from None
    try:
        yield
    finally:
        # Waits: a node that takes Pods down is no place for the measurements that follow.
        subprocess.run(
            ["kubectl", "delete", "namespace", NAMESPACE, "--timeout=180s"], check=False, capture_output=True
        )


def _kubectl(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["kubectl", "-n", NAMESPACE, *arguments], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SkippedError(f"kubectl {' '.join(arguments[:3])}: {done.stderr.strip()[:300]}")
    return done.stdout


def _pod(name: str, containers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"set": name.partition("-")[0]}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "volumes": [{"name": "shared", "emptyDir": {}}],
            "containers": [
                {
                    "name": container,
                    "image": IMAGE,
                    "imagePullPolicy": "Never",
                    "command": ["python3", "-m", "http.server", str(8000 + number)],
                    "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
                }
                for number, container in enumerate(containers)
            ],
        },
    }


def _apply(pods: list[dict[str, Any]]) -> None:
    _kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    _kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=300s")


def _snapshot(*target: str) -> float:
    """The most memory that podprobe had, in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", _WITH_PEAK, "snapshot", *target, "-n", NAMESPACE, "-o", "json", "--image", IMAGE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said, _, peak = done.stderr.rpartition(_PEAK)
    if done.returncode:
        raise SkippedError(f"podprobe snapshot: {said.strip()[:300]}")
    return int(peak) / 1024


def _by_hand(pod: str) -> None:
    """What an engineer types: a debugger in each container, then the tools in each."""
    debuggers = {container: f"by-hand-{container}" for container in CONTAINERS}
    for container, debugger in debuggers.items():
        _kubectl(
            "debug", pod, f"--image={DEBUG_IMAGE}", "--image-pull-policy=IfNotPresent", f"--target={container}",
            "-c", debugger, "--profile=general", "-q", "--", "sleep", "600",
        )  # fmt: skip
    running = "jsonpath={.status.ephemeralContainerStatuses[*].state.running.startedAt}"
    deadline = time.monotonic() + 60
    while len(_kubectl("get", "pod", pod, "-o", running).split()) < len(debuggers):
        if time.monotonic() > deadline:
            raise SkippedError(f"the debuggers of {DEBUG_IMAGE} do not start")
    for debugger in debuggers.values():
        subprocess.run(
            ["kubectl", "-n", NAMESPACE, "exec", pod, "-c", debugger, "--", "sh", "-c", BY_HAND],
            capture_output=True,
            check=False,  # not every image has every tool; what is missing costs nothing
        )


@dataclass(frozen=True)
class _Fleet:
    """Many Pods at once; none has an agent yet."""

    seconds: float
    alone: float
    """Seconds for one Pod alone."""
    floor: float
    """Seconds for what Kubernetes itself does of it."""
    peak_mib: float
    few_mib: float


def _fleet() -> _Fleet:
    # One set at a time: a node takes no more than 110 Pods, and they are not to disturb each other.
    _apply([_pod(f"alone-{number}", CONTAINERS[:1]) for number in range(3)])
    alone = statistics.median(seconds(partial(_snapshot, f"alone-{number}")) for number in range(3))
    few_mib = _set("few", FEW, partial(_snapshot, "-l", "set=few"))[1]
    took, peak_mib = _set("fleet", FLEET, partial(_snapshot, "-l", "set=fleet", "--parallel", str(PARALLEL)))
    floor, _ = _set("floor", FLEET, _floor)
    return _Fleet(took, alone, floor, peak_mib, few_mib)


def _set(name: str, count: int, action: Callable[[], float]) -> tuple[float, float]:
    """What an action on new Pods takes in seconds, and what it returns."""
    _kubectl("delete", "pod", "--all", "--now", "--wait=true")
    _apply([_pod(f"{name}-{number}", CONTAINERS[:1]) for number in range(count)])
    returned: list[float] = []
    return seconds(lambda: returned.append(action())), returned[0]


def _floor() -> float:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.floor", NAMESPACE, "set=floor", IMAGE, str(PARALLEL)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SkippedError(f"without podprobe: {done.stderr.strip()[-300:]}")
    return 0.0
