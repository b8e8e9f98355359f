"""Containers that do not come up, or come up in the wrong order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count
from podprobe.findings import facts
from podprobe.findings.needs import needs
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.findings.needs import Need
    from podprobe.model import Container, LastExit, Snapshot


@rule(
    "STA101",
    "warning",
    title="A container was started before what it needs",
    when="A container failed within {lived_seconds:n} s of its start, in the first {window_seconds:n} s of "
    "the Pod, runs now, and uses something of a sibling's: a port, a unix socket, a message queue, a "
    "shared-memory segment or a semaphore. Not where the kubelet had waited until the sibling was started (a "
    "`startupProbe`), where the thing was there before the failed run, or where the program's last words speak of "
    "something else.",
    measured="The container's last exit and restarts, and when the others started (container statuses, start times of "
    "processes); who talks to whom now (sock_diag, /proc/sysvipc); "
    "`ctime` of queues and segments against the time of the exit.",
    why="Containers of a Pod start side by side, in no order. The one that is first finds no port, queue "
    "or segment, and gives up; it works after a restart or two, so nobody notices, until a slow start "
    "turns it into CrashLoopBackOff.",
    remedy="Make the needed container a native sidecar (an init container with `restartPolicy: Always` and a "
    "`startupProbe`), which the others wait for; or let the program try again. On loopback, a unix socket or IPC the "
    "probe has to be an `exec` one: the kubelet's others come from outside.",
    thresholds={
        "lived_seconds": Threshold(30, "seconds that the failed run lasted at most"),
        "window_seconds": Threshold(180, "seconds from the Pod's start to the exit"),
    },
)
def too_early(look: Look) -> Iterator[Hit]:
    """It failed while its sibling was not ready."""
    for index, container in facts.household(look.snapshot):
        last = container.last_exit
        if last is None or not _gave_up(look, container, last):
            continue
        need = _need(look, container, last)
        if need is None:
            continue
        sibling = need.sibling
        lived = seconds_between(last.started_at, last.finished_at)
        after = "" if lived is None else f" after {lived:.0f} s"
        said = f" It said: {last.message.strip()[:200].rstrip('.')}." if last.message else ""
        yield Hit(
            subject=container.name,
            evidence=[
                (
                    f"{container.name} ended with exit code {last.exit_code}{after} at "
                    f"{last.finished_at or 'an unknown time'} and has restarted "
                    f"{count(container.restarts, 'time')}.{said}"
                ),
                need.sentence,
                *_order(look.snapshot, container, sibling, last),
            ],
            remedy=f"{_ordered(look.snapshot, sibling)} a `startupProbe` ({need.probe}) that succeeds once "
            f"{need.thing} is there; or let {container.name} wait for {need.thing} and try again.",
            pointers=[f"/containers/{index}/last_exit", need.pointer],
            containers=[container.name, sibling],
        )


def _ordered(snapshot: Snapshot, sibling: str | None) -> str:
    kind = next((each.kind for each in snapshot.containers if each.name == sibling), None)
    if kind == "sidecar":
        return f"Give the sidecar {sibling}"
    return f"Move {sibling or 'a sibling'} to `spec.initContainers` with `restartPolicy: Always` and"


def _order(snapshot: Snapshot, container: Container, sibling: str | None, last: LastExit) -> Iterator[str]:
    """When the sibling started, beside the run that failed; and that nothing made the one wait for the other."""
    starts = {start.container: start for start in snapshot.starts}
    mine, other = starts.get(container.name), starts.get(sibling or "")
    if mine is None or other is None:
        return
    apart = seconds_between(last.finished_at, other.process_started_at or other.started_at)
    again = " again" if other.restarts else ""
    if apart is not None and apart > 0:
        yield f"{sibling} started{again} {apart:.0f} s after {container.name} had given up."
    elif apart is not None:
        yield f"{sibling} started{again} {-apart:.0f} s before {container.name} gave up."
    waits = {wait.container: wait for wait in mine.waited_for}
    if sibling not in waits:
        yield f"Nothing makes {container.name} wait for {sibling}: the kubelet starts both without waiting for either."
    elif waits[sibling].until == "running":
        yield (
            f"{container.name} waits until the sidecar {sibling} runs; without a `startupProbe` it may not be ready by "
            "then."
        )


def _gave_up(look: Look, container: Container, last: LastExit) -> bool:
    """It failed by itself, soon after its start, soon after the Pod's, and runs now."""
    if (
        container.state != "running"
        or not container.restarts
        or not last.exit_code
        or last.reason == "OOMKilled"
    ):
        return False
    lived = seconds_between(last.started_at, last.finished_at)
    if lived is not None and lived > look["lived_seconds"]:
        return False
    begins = [
        each.started_at
        for _, each in facts.household(look.snapshot)
        if each.started_at and each.name != container.name
    ]
    begin = look.snapshot.target.started_at or min(begins, default=None)
    into = seconds_between(begin, last.finished_at)
    return into is None or into <= look["window_seconds"]


def _need(look: Look, container: Container, last: LastExit) -> Need | None:
    """What it missed, as far as nothing speaks against it."""
    snapshot = look.snapshot
    starts = {start.container: start for start in snapshot.starts}
    mine = starts.get(container.name)
    # Those for which the kubelet waited until they were ready, or had ended, were there.
    ready = {wait.container for wait in mine.waited_for if wait.until != "running"} if mine else set()
    for need in needs(snapshot, container, last):
        if need.sibling in ready:
            continue
        other = starts.get(need.sibling or "")
        up = (other.process_started_at or other.started_at) if other else None
        since = seconds_between(up, last.started_at)
        # Up for so long it will have been ready; that it was not takes the failed program's own word.
        if since is not None and since > look["lived_seconds"] and not last.message:
            continue
        return need
    return None


@rule(
    "STA102",
    "warning",
    title="A container crashes again and again",
    when="A container waits in CrashLoopBackOff.",
    measured="The container's state and last state, as the kubelet reports them.",
    why="The kubelet waits longer before each start, up to five minutes; meanwhile the others have no "
    "such neighbour.",
    remedy="Read its log from before (`kubectl logs --previous`), and correct what it says.",
)
def crash_loop(look: Look) -> Iterator[Hit]:
    """The kubelet waits before it starts the container again."""
    namespace = look.snapshot.target.namespace
    for index, container in enumerate(look.snapshot.containers):
        if container.state_reason != "CrashLoopBackOff":
            continue
        last = container.last_exit
        evidence = [
            f"{container.name} is in CrashLoopBackOff and has restarted {count(container.restarts, 'time')}."
        ]
        if last:
            how = f"exit code {last.exit_code}" if last.exit_code is not None else "an unknown exit code"
            reason = f" ({last.reason})" if last.reason and last.reason != "Error" else ""
            said = f": {last.message.strip()[:200]}" if last.message else "."
            at = f" at {last.finished_at}" if last.finished_at else ""
            evidence.append(f"Its last run ended with {how}{reason}{at}{said}")
        within = f" -n {namespace}" if namespace else ""
        remedy = (
            f"Run `kubectl logs{within} {look.snapshot.target.pod} -c {container.name} --previous`, "
            "and correct what it says."
        )
        if last and last.reason == "OOMKilled":
            # The kernel does not let the victim say anything.
            remedy = f"See RES103 of {container.name}: it runs out of memory; its log will not say so."
        yield Hit(
            subject=container.name,
            evidence=evidence,
            remedy=remedy,
            pointers=[f"/containers/{index}"],
            containers=[container.name],
        )
