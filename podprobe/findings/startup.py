"""Containers that do not come up, or come up in the wrong order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, LastExit, Snapshot


@rule(
    "STA101",
    "warning",
    title="A container was started before what it needs",
    when="A container failed within {lived_seconds:n} s of its start, in the first {window_seconds:n} s of "
    "the Pod, runs now, and uses something of a sibling's: a port, a unix socket, a message queue, a "
    "shared-memory segment or a semaphore.",
    measured="The container's last exit and restarts, and when the others started (container statuses, start times of "
    "processes); who talks to whom now (sock_diag, /proc/sysvipc); "
    "`ctime` of queues and segments against the time of the exit.",
    why="Containers of a Pod start side by side, in no order. The one that is first finds no port, queue "
    "or segment, and gives up; it works after a restart or two, so nobody notices, until a slow start "
    "turns it into CrashLoopBackOff.",
    remedy="Make the needed container a native sidecar (an init container with `restartPolicy: Always` and a "
    "`startupProbe`), which the others wait for; or let the program try again.",
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
        need = _need(look.snapshot, container, last)
        if need is None:
            continue
        what, sibling, pointer, needed = need
        lived = seconds_between(last.started_at, last.finished_at)
        after = "" if lived is None else f" after {lived:.0f} s"
        said = f" It said: {last.message.strip()[:200].rstrip('.')}." if last.message else ""
        whose = sibling or "a sibling"
        yield Hit(
            subject=container.name,
            evidence=[
                (
                    f"{container.name} ended with exit code {last.exit_code}{after} at "
                    f"{last.finished_at or 'an unknown time'} and has restarted "
                    f"{count(container.restarts, 'time')}.{said}"
                ),
                what,
                *_order(look.snapshot, container, sibling, last),
            ],
            remedy=f"Move {whose} to `spec.initContainers` with `restartPolicy: Always` and a `startupProbe` "
            f"that succeeds once {needed} is there; or let {container.name} wait for {needed} and try "
            "again.",
            pointers=[f"/containers/{index}/last_exit", pointer],
            containers=[container.name, sibling],
        )


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


def _need(
    snapshot: Snapshot, container: Container, last: LastExit
) -> tuple[str, str | None, str, str] | None:
    """What it uses of a sibling's: a sentence, the sibling, a pointer, and the thing's name."""
    if "refused" in (last.message or "").lower() and (port := _port(snapshot, container)):
        return port
    return (
        _queue(snapshot, container, last)
        or _segment(snapshot, container)
        or _semaphore(snapshot, container)
        or _port(snapshot, container)
    )


def _queue(
    snapshot: Snapshot, container: Container, last: LastExit
) -> tuple[str, str | None, str, str] | None:
    for index, queue in enumerate(snapshot.ipc.message_queues):
        users = {queue.last_send_container, queue.last_receive_container} - {None}
        sibling = next((name for name in sorted(filter(None, users)) if name != container.name), None)
        late = seconds_between(last.finished_at, queue.changed_at)
        # Whose the last sender and receiver are is not always known; a queue that was made between the failure and the
        # start that went well is what was missing, too.
        between = (
            late is not None
            and late > 0
            and (seconds_between(queue.changed_at, container.started_at) or 0) >= 0
        )
        if container.name not in users and (users or not between):
            continue
        when = f" It was made {late:.0f} s after that exit." if late is not None and late > 0 else ""
        name = f"message queue {queue.key}"
        by = f" with {sibling}" if sibling else ""
        return f"It uses {name}{by} now.{when}", sibling, f"/ipc/message_queues/{index}", name
    return None


def _segment(snapshot: Snapshot, container: Container) -> tuple[str, str | None, str, str] | None:
    for index, segment in enumerate(snapshot.ipc.shared_memory):
        attached = {each.container for each in segment.attached}
        others = sorted(filter(None, ({segment.creator_container} | attached) - {container.name}))
        if container.name in attached and segment.creator_container != container.name and others:
            name = f"shared-memory segment {segment.key}"
            owner = segment.creator_container or others[0]
            return f"It has {name} of {owner} attached now.", owner, f"/ipc/shared_memory/{index}", name
    return None


def _semaphore(snapshot: Snapshot, container: Container) -> tuple[str, str | None, str, str] | None:
    for index, each in enumerate(snapshot.ipc.semaphores):
        users = {*each.containers, *(waiter.container for waiter in each.waiters)}
        others = sorted(users - {container.name})
        if container.name in users and others:
            name = f"semaphore set {each.key}"
            return f"It uses {name} with {others[0]} now.", others[0], f"/ipc/semaphores/{index}", name
    return None


def _port(snapshot: Snapshot, container: Container) -> tuple[str, str | None, str, str] | None:
    for index, flow in enumerate(snapshot.network.flows):
        if (
            facts.inside(flow)
            and flow.from_container == container.name
            and flow.to_container not in {None, container.name}
        ):
            return (
                f"It connects to {flow.to_container} at {flow.server} now.",
                flow.to_container,
                f"/network/flows/{index}",
                flow.server,
            )
    listening = {
        (each.path, each.container)
        for each in snapshot.network.unix
        if each.state == "listen" and each.path and each.container
    }
    for index, socket in enumerate(snapshot.network.unix):
        serves = (
            socket.state == "established"
            and (socket.path, socket.container) in listening
            and socket.container != container.name
        )
        if serves and socket.peer_container == container.name and socket.path:
            return (
                f"It connects to {socket.container} at {socket.path} now.",
                socket.container,
                f"/network/unix/{index}",
                socket.path,
            )
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
        yield Hit(
            subject=container.name,
            evidence=evidence,
            remedy=f"Run `kubectl logs{within} {look.snapshot.target.pod} -c {container.name} --previous`, "
            "and correct what it says.",
            pointers=[f"/containers/{index}"],
            containers=[container.name],
        )
