"""CPU and memory against their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds
from podprobe.analysis.latency import is_slow, waited_for_cpu
from podprobe.analysis.words import count, listed, micros, percent, share, size
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podprobe.model import Container, Resources

_LIMITS: dict[str, Callable[[Resources], object]] = {
    "cpu": lambda each: each.cpu_limit,
    "memory": lambda each: each.memory_limit_bytes,
}


@rule(
    "RES101",
    "warning",
    title="A container is throttled",
    when="In {warning_ratio:percent} or more of its CPU periods a container had to wait for the next: "
    "since the look before, else since it started.",
    measured="`nr_throttled` over `nr_periods` of the container's cpu.stat (a period is 100 ms).",
    why="With its quota used up, every thread of the container stands still until the period ends. "
    "Latency suffers long before the average use of CPU comes near the limit.",
    remedy="Raise `resources.limits.cpu`, or remove it and keep the request; or let the program use fewer "
    "threads (GOMAXPROCS, worker counts).",
    thresholds={"warning_ratio": Threshold(0.25, "share of the CPU periods in which it was throttled")},
)
def throttled(look: Look) -> Iterator[Hit]:
    """Too little CPU for what it wants to do."""
    for index, container in enumerate(look.snapshot.containers):
        group = container.cgroup
        ratio = group.cpu_throttled_ratio if group else None
        if group is None or ratio is None or ratio < look["warning_ratio"]:
            continue
        limit = group.cpu_limit or container.resources.cpu_limit
        cores = f" of {limit:g} cores" if limit else ""
        since = "since the look before" if look.history else "since it started"
        yield Hit(
            subject=container.name,
            evidence=[
                f"{container.name} used up its CPU limit{cores} in {percent(ratio)} of its periods {since}."
            ],
            remedy="Raise "
            f"`spec.containers[{container.name}].resources.limits.cpu`{f' above {limit:g}' if limit else ''}, "
            "or remove it and keep the request.",
            pointers=[f"/containers/{index}/cgroup"],
            containers=[container.name],
        )


@rule(
    "RES102",
    "critical",
    "warning",
    title="A container is near its memory limit",
    when="The working set is {warning_ratio:percent} or more of the memory limit (warning), or "
    "{critical_ratio:percent} (critical).",
    measured="`memory.current` less `inactive_file` against `memory.max` of the container's cgroup (v1: "
    "usage_in_bytes, total_inactive_file, limit_in_bytes). Files in memory volumes and /dev/shm that "
    "it wrote are in it. How often the limit was met is counted in memory.events (v1: memory.failcnt).",
    why="At the limit the kernel first gives up file cache, which slows the container down, and then "
    "kills a process.",
    remedy="Raise `resources.limits.memory`, or find what grows; if most of it is shared memory, empty the "
    "volume that holds it.",
    thresholds={
        "warning_ratio": Threshold(0.85, "share of the memory limit"),
        "critical_ratio": Threshold(0.95, "share of the memory limit, from which it is critical"),
    },
)
def near_memory_limit(look: Look) -> Iterator[Hit]:
    """Close to being killed."""
    for index, container in enumerate(look.snapshot.containers):
        group = container.cgroup
        if group is None:
            continue
        used = (
            group.memory_working_set_bytes
            if group.memory_working_set_bytes is not None
            else group.memory_bytes
        )
        filled = share(used, group.memory_limit_bytes)
        if used is None or filled is None or filled < look["warning_ratio"]:
            continue
        evidence = [
            (
                f"{container.name} uses {size(used)} of {size(group.memory_limit_bytes or 0)} "
                f"({percent(filled)})."
            )
        ]
        if group.memory_shmem_bytes:
            evidence.append(
                f"{size(group.memory_shmem_bytes)} of its memory are shared memory and files in memory "
                "volumes."
            )
        if group.memory_max_events:
            evidence.append(
                f"It met the limit {count(group.memory_max_events, 'time')} since it started, and gave up file cache "
                "or waited."
            )
        yield Hit(
            subject=container.name,
            severity="critical" if filled >= look["critical_ratio"] else "warning",
            evidence=evidence,
            remedy=f"Raise `spec.containers[{container.name}].resources.limits.memory` above "
            f"{size(group.memory_limit_bytes or 0)}, or find what grows in {container.name}.",
            pointers=[f"/containers/{index}/cgroup"],
            containers=[container.name],
        )


@rule(
    "RES103",
    "critical",
    title="A process was killed for memory",
    when="The kernel killed a process of the container since it started, or the container's last exit was "
    "OOMKilled.",
    measured="`oom_kill` of memory.events (v1: memory.oom_control) of the container's cgroup; the container's "
    "last state.",
    why="If the victim was not PID 1 the container goes on without it, and its status shows nothing: a "
    "worker is missing, a request was lost.",
    remedy="Raise `resources.limits.memory`, or find what grows.",
)
def killed(look: Look) -> Iterator[Hit]:
    """Memory ran out already."""
    for index, container in enumerate(look.snapshot.containers):
        evidence, pointers = [], []
        if container.cgroup and container.cgroup.oom_kills:
            evidence.append(
                f"The kernel killed {count(container.cgroup.oom_kills, 'process', 'processes')} of "
                f"{container.name} since it started."
            )
            pointers.append(f"/containers/{index}/cgroup/oom_kills")
        last = container.last_exit
        if last and last.reason == "OOMKilled":
            at = f" at {last.finished_at}" if last.finished_at else ""
            evidence.append(f"{container.name} was killed for memory{at}{_since(container)}.")
            pointers.append(f"/containers/{index}/last_exit")
        if evidence:
            limit = container.resources.memory_limit_bytes
            above = f" above {size(limit)}" if limit else ""
            yield Hit(
                subject=container.name,
                evidence=evidence,
                remedy=f"Raise `spec.containers[{container.name}].resources.limits.memory`{above}, or find "
                "what grows.",
                pointers=pointers,
                containers=[container.name],
            )


def _since(container: Container) -> str:
    """What became of a container after its last exit."""
    times = f"it has restarted {count(container.restarts, 'time')}"
    if container.state == "running":
        return f", and started again; {times}" if container.restarts else ", and runs again"
    if container.state == "waiting":
        why = f" ({container.state_reason})" if container.state_reason else ""
        return f", and waits to be started again{why}; {times}"
    return ", and does not run" + (f"; {times}" if container.restarts else "")


@rule(
    "RES104",
    "info",
    title="A container has no limit beside one that has",
    when="A container has no CPU or no memory limit, and another container of the Pod has one.",
    measured="`resources.limits` of the Pod's spec.",
    why="The limit was thought of, and forgotten for this container: a sidecar without one can take what "
    "the others were meant to have, and makes the Pod Burstable, which is killed earlier when the "
    "node runs short.",
    remedy="Set the limit. One of CPU that is not wanted may also go from all: the request is what a container is "
    "sure to get, and a limit throttles it (RES101).",
    manifest=True,
)
def no_limit(look: Look) -> Iterator[Hit]:
    """One limit was forgotten."""
    beside = list(facts.household(look.snapshot))
    evidence: list[str] = []
    remedies: list[str] = []
    without: dict[int, str] = {}
    for name, limited in _LIMITS.items():
        those = [each.name for _, each in beside if limited(each.resources)]
        others = {index: each.name for index, each in beside if not limited(each.resources)}
        if not those or not others:
            continue
        without |= others
        has, have = ("has" if len(each) == 1 else "have" for each in (those, others))
        evidence.append(f"{listed(others.values())} {have} no {name} limit; {listed(those)} {has} one.")
        remedies.append(f"set `resources.limits.{name}` of {listed(others.values())}")
        if name == "cpu":
            remedies[-1] += f", or remove that of {listed(those)} and keep the requests (see RES101)"
    if evidence:
        remedy = "; ".join(remedies)
        yield Hit(
            subject="Pod",
            evidence=evidence,
            remedy=f"{remedy[0].upper()}{remedy[1:]}.",
            pointers=[f"/containers/{index}/resources" for index in sorted(without)],
            containers=[without[index] for index in sorted(without)],
        )


@rule(
    "RES105",
    "info",
    title="Probes waited for a CPU",
    when="The 99th percentile of the probes to an endpoint of the Pod is {p99_us:us} or more (a single slow one among "
    "fewer than 100 counts from {alone_us:us}), and without the time that the probes themselves waited for a CPU it "
    "would not be.",
    measured="The time that the probing thread was ready to run and did not (`/proc/thread-self/schedstat`, second "
    "number), for each probe.",
    why="More wants to run than there are CPUs: on the node, or within the Pod's own CPU limit. It says nothing of the "
    "endpoint, but what the containers do waits in the same queue, and every latency of this look is longer for it.",
    remedy="See what runs on the node (`kubectl top pods -A --sort-by=cpu`), and whether the containers are "
    "throttled (RES101). Where many Pods are looked at at once, look at fewer at a time (`--parallel`).",
    thresholds={
        "p99_us": bounds.threshold("TCP105.p99_us", Threshold),
        "alone_us": bounds.threshold("TCP105.alone_us", Threshold),
    },
)
def waited(look: Look) -> Iterator[Hit]:
    """The machine is slow, not what was probed."""
    evidence, pointers = [], []
    for index, each in enumerate(look.snapshot.latency):
        bounds_us = look["p99_us"], look["alone_us"]
        if not is_slow(each, *bounds_us) or not waited_for_cpu(each, *bounds_us):
            continue
        evidence.append(
            f"{count(each.count, 'probe')} of {each.to} waited {micros(each.cpu_wait_us or 0)} for a CPU in all; the "
            f"slowest took {micros(each.max_us or 0)}, and none more than {micros(each.max_less_cpu_wait_us or 0)} "
            "besides waiting."
        )
        pointers.append(f"/latency/{index}")
    if evidence:
        yield Hit(
            subject=f"node {look.snapshot.target.node}" if look.snapshot.target.node else "this machine",
            evidence=evidence,
            remedy="Look again when the node is less busy, or at fewer Pods at a time (`--parallel`); see what else "
            "runs there: `kubectl top pods -A --sort-by=cpu`.",
            pointers=pointers,
        )
