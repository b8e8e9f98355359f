"""Which threads sleep in the kernel on a semaphore or a file lock: one pass for two areas.

/proc/PID/task/TID/wchan names the kernel function that a thread sleeps in (ptrace read access);
/proc/PID/task/TID/syscall tells the system call and its arguments (ptrace attach access: Yama's
`ptrace_scope` may close it where wchan is open).
"""

from __future__ import annotations

import os

from podprobe_agent import procfs
from podprobe_agent.collectors import _shared
from podprobe_agent.collectors._denied import Denied
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

# System call numbers: semop, semtimedop, flock, fcntl.
_CALLS = {
    "x86_64": {65: "sem", 220: "sem", 73: "flock", 72: "fcntl"},
    "aarch64": {193: "sem", 192: "sem", 32: "flock", 25: "fcntl"},
}
_NUMBERS = _CALLS.get(os.uname().machine, {})
_LOCK_SH = 1
_SET_AND_WAIT = {7: "posix", 38: "ofd"}  # F_SETLKW, F_OFD_SETLKW


class Sleeper(NamedTuple):
    """A thread that sleeps on something that another process has to do."""

    pid: int
    what: str
    """`sem`, `flock`, `posix`, `ofd`, or `lock` where only wchan could be read."""
    argument: int | None
    """Semaphore set or file descriptor; `None` where the system call's arguments are closed."""
    read: bool = False
    """It wants a shared lock; known of flock() alone, for fcntl() has this in the caller's memory."""


def find(context: Context) -> list[Sleeper]:
    """All of them; kept in the context."""
    known = context.shared.get("blocked")
    if known is not None:
        return list(known)
    found: list[Sleeper] = []
    denied = Denied(context, "syscall")
    seen = 0
    pids = _shared.pids(context)
    for pid in pids:
        if context.expired:
            context.note("partial", f"time was over after {seen} of {len(pids)} processes")
            break
        try:
            for thread in os.listdir(procfs.path(pid, "task")):
                sleeper = _look(pid, thread)
                if sleeper and sleeper not in found:
                    found.append(sleeper)
        except procfs.GONE:
            continue
        except OSError as error:
            denied.add(pid, error)
            continue
        seen += 1
        denied.saw(pid)
    denied.tell()
    context.shared["blocked"] = found
    return found


def _look(pid: int, thread: str) -> Sleeper | None:
    """One thread.

    Raises:
        OSError: it is closed, or has gone.
    """
    where = procfs.read_once(procfs.path(pid, "task", thread, "wchan"), 128)
    if b"semtimedop" in where or b"semop" in where:
        expected: tuple[str, ...] = ("sem",)
    elif b"lock_inode_wait" in where or b"fcntl_setlk" in where:
        # locks_lock_inode_wait, flock_lock_inode_wait, posix_lock_inode_wait
        expected = ("flock", "fcntl")
    else:
        if where in (b"", b"0"):
            # Running; or closed, which wchan does not say: `0` stands for both, and for no symbols in the kernel.
            return _by_call(pid, thread, ("sem", "flock", "fcntl"), strict=True)
        return None
    return _by_call(pid, thread, expected, strict=False)


def _is_open(pid: int) -> bool:
    try:
        os.readlink(procfs.path(pid, "cwd"))
    except OSError:
        return False
    return True


def _by_call(pid: int, thread: str, expected: tuple[str, ...], *, strict: bool) -> Sleeper | None:
    unknown = None if strict else Sleeper(pid, "sem" if expected == ("sem",) else "lock", None)
    try:
        raw = procfs.read_once(procfs.path(pid, "task", thread, "syscall"), 256)
    except PermissionError:
        # Yama closes this file of a process that is open otherwise; then wchan was true, and the thread runs.
        if strict and not _is_open(pid):
            raise
        return unknown
    fields = raw.split()
    if len(fields) < 3 or not fields[0].isdigit():  # `running`, or `-1 …` outside any call
        return unknown
    what = _NUMBERS.get(int(fields[0]))
    if what is None or what not in expected:
        return unknown
    if what == "fcntl":
        what = _SET_AND_WAIT.get(int(fields[2], 16) & 0xFFFFFFFF, "")
        if not what:
            return unknown
    elif strict:
        return None  # in the call, but asleep in something else
    shared = what == "flock" and bool(int(fields[2], 16) & _LOCK_SH)
    return Sleeper(pid, what, int(fields[1], 16) & 0xFFFFFFFF, shared)
