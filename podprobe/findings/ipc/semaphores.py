"""System V semaphores that nobody raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count, listed
from podprobe.findings.ipc.whose import named, ours
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import SemaphoreSet


@rule(
    "IPC104",
    "warning",
    title="A process waits on a semaphore",
    when="The same process waits on the same semaphore set through {looks:n} looks or more, and nobody "
    "operated on the set meanwhile.",
    measured="GETNCNT and GETZCNT of every semaphore (semctl), `otime` of /proc/sysvipc/sem, and the processes "
    "that sleep in semop() (/proc/PID/syscall, /proc/PID/wchan).",
    why="A semaphore that nobody raises holds its waiters for ever. Semaphores outlive processes: one "
    "that was killed while it held the lock leaves it taken, unless it used SEM_UNDO.",
    remedy="Find who should raise it. If its holder has died, restart the containers that use the set after "
    "removing it (ipcrm -s), and let the program use SEM_UNDO.",
    thresholds={"looks": Threshold(3, "looks, one after the other, that show it waiting")},
    of_channels=True,
    looks=3,
)
def long_wait(look: Look) -> Iterator[Hit]:
    """Nobody raises the semaphore."""
    looks = max(1, int(min(look["looks"], 1000)))
    if len(look.history) < looks - 1:
        return
    past = look.history[len(look.history) - (looks - 1) :]
    for index, each in enumerate(look.snapshot.ipc.semaphores):
        earlier = [next((old for old in snap.ipc.semaphores if old.id == each.id), None) for snap in past]
        if not waiting(each) or any(
            old is None or not waiting(old) or old.operated_at != each.operated_at for old in earlier
        ):
            continue
        stuck = {(who.container, who.pid, who.process) for who in each.waiters}
        for old in earlier:
            if old is not None and old.waiters:
                stuck &= {(who.container, who.pid, who.process) for who in old.waiters}
        if (each.waiters and not stuck) or not ours(look, *(container for container, _, _ in stuck)):
            continue
        names = listed(f"{name} (PID {pid} of {container})" for container, pid, name in sorted(stuck))
        seconds = seconds_between(past[0].taken_at if past else None, look.snapshot.taken_at)
        held = f", {seconds:.0f} seconds," if seconds is not None else ""
        number = next((place for place, queued in enumerate(each.waiting or ()) if queued), None)
        which = f"semaphore {number} of set {each.key}" if number is not None else f"set {each.key}"
        yield Hit(
            subject=named("sem", each),
            evidence=[
                (
                    f"{names or count(sum(each.waiting or ()), 'process', 'processes')} waited on {which} "
                    f"(id {each.id}) through {looks} looks{held} and nobody operated on it."
                ),
                *(
                    [f"Its values are {listed(str(value) for value in each.values[:16])}."]
                    if each.values
                    else []
                ),
            ],
            remedy=f"Find who should raise {which}. If its holder died, run `ipcrm -s {each.id}` and restart "
            "the containers that use it; let the program pass SEM_UNDO to semop().",
            pointers=[f"/ipc/semaphores/{index}"],
            containers=sorted({container for container, _, _ in stuck}),
        )


def waiting(each: SemaphoreSet) -> bool:
    """Somebody waits on the set."""
    return bool(each.waiters) or any(each.waiting or ())
