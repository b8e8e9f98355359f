"""Processes: zombies, the limit on PIDs, a shared PID namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.words import count, listed, percent, share
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Cgroup, Container


@rule(
    "PRC101",
    "critical",
    "warning",
    title="Processes pile up",
    when="{zombies:n} zombies or more in a container (warning), or {pids_ratio:percent} or more of its "
    "PIDs are taken, or since the look before a fork was refused for a limit on PIDs (critical).",
    measured="State `Z` in /proc/PID/stat with each one's parent; `pids.current` against `pids.max` of the "
    "container's cgroup; `max` of its pids.events, which counts what was refused.",
    why="A zombie keeps its PID until its parent calls wait(). A program that was never written to be PID "
    "1 does not wait for the children that are handed to it. When the PIDs run out, fork() fails with "
    "EAGAIN, probes of kind exec included.",
    remedy="Start the container's program under an init that reaps (tini, dumb-init, catatonit), set "
    "`shareProcessNamespace: true` so that the pause process reaps, or let the program wait for its "
    "children.",
    thresholds={
        "zombies": Threshold(10, "zombies in one container"),
        "pids_ratio": Threshold(0.9, "share of the container's PIDs that is taken"),
    },
)
def piled_up(look: Look) -> Iterator[Hit]:
    """Zombies, or PIDs that run out."""
    for index, container in enumerate(look.snapshot.containers):
        zombies = container.processes.zombies if container.processes else 0
        filled = share(container.cgroup.pids, container.cgroup.pids_limit) if container.cgroup else None
        refused = _refused(look, container)
        full = refused > 0 or (filled is not None and filled >= look["pids_ratio"])
        many = zombies > 0 and zombies >= look["zombies"]
        if not full and not many:
            continue
        evidence, pointers = [], []
        if many and container.processes:
            evidence.append(
                f"{container.name} has {count(zombies, 'zombie')} among "
                f"{count(container.processes.count, 'process', 'processes')}."
            )
            evidence += [
                f"{parent.name} (PID {parent.pid}) does not reap {count(parent.count, 'of them', 'of them')}."
                for parent in container.processes.zombie_parents[:3]
            ]
            pointers.append(f"/containers/{index}/processes")
        if full and container.cgroup:
            evidence += _taken(container.name, container.cgroup, refused)
            pointers.append(f"/containers/{index}/cgroup")
        yield Hit(
            subject=container.name,
            severity="critical" if full else "warning",
            evidence=evidence,
            remedy=_reap(container)
            if many
            else (
                f"Find what starts so many processes or threads in {container.name}; raise the "
                "kubelet's podPidsLimit if they are meant."
            ),
            pointers=pointers,
            containers=[container.name],
        )


def _refused(look: Look, container: Container) -> int:
    """Forks refused since the look before; 0 where that is not known."""
    now = container.cgroup.pids_max_events if container.cgroup else None
    before = next(
        (
            each.cgroup.pids_max_events
            for each in (look.previous.containers if look.previous else ())
            if each.name == container.name and each.cgroup and each.restarts == container.restarts
        ),
        None,
    )
    return 0 if now is None or before is None else max(0, now - before)


def _taken(name: str, group: Cgroup, refused: int) -> Iterator[str]:
    filled = share(group.pids, group.pids_limit)
    if filled is not None:
        yield f"{group.pids:,} of at most {group.pids_limit:,} PIDs ({percent(filled)}) of {name} are taken."
    if group.pids_max_events:
        lately = f", {refused:,} of them since the look before" if refused else ""
        times = count(group.pids_max_events, "fork or new thread", "forks and new threads")
        yield f"The kernel refused {name} {times} for a limit on PIDs since it started{lately}."


def _reap(container: Container) -> str:
    parents = container.processes.zombie_parents if container.processes else ()
    if parents and parents[0].pid != 1:
        return (
            f"Correct {parents[0].name} in {container.name}: it must call wait() for its children. "
            f"Restarting {container.name} clears them."
        )
    return (
        f"Start {container.name} under an init that reaps, for example `command: [tini, --, …]`, or "
        f"set `spec.shareProcessNamespace: true`; restarting {container.name} clears them."
    )


@rule(
    "PRC102",
    "info",
    title="The containers share their PIDs",
    when="`shareProcessNamespace: true`.",
    measured="The Pod's spec.",
    why="A process of one container sees those of the others, may signal them if it has the same uid, and "
    "reach their files through /proc/PID/root. PID 1 is the pause process, which some programs do not "
    "expect.",
    remedy="Nothing, if it is meant (it helps debugging, and reaps zombies). Otherwise remove it.",
    manifest=True,
)
def shared_pids(look: Look) -> Iterator[Hit]:
    """Signals and /proc cross containers."""
    if look.snapshot.target.shared_pid:
        names = [each.name for each in look.snapshot.containers if each.kind in {"app", "sidecar"}]
        yield Hit(
            subject="Pod",
            evidence=[f"{listed(names) or 'The containers'} see, and may signal, each other's processes."],
            remedy="If no container needs another's processes, remove `spec.shareProcessNamespace`.",
            pointers=["/target/shared_pid"],
            containers=names,
        )
