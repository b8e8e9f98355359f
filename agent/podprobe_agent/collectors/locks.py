"""Area `locks`: file locks and who waits for them (/proc/locks), with paths from the holders' open files.

The kernel shows a lock, and all who wait for it, only to the PID namespace of its holder; a waiter whose holder
is in another container is found by the system call that it sleeps in. Locks of open file descriptions have no
process in /proc/locks, and are shown for the whole machine: only those that a process here holds are told.
"""

from __future__ import annotations

import os

from podprobe_agent import mountinfo, procfs
from podprobe_agent.collectors import _blocked, _shared
from podprobe_agent.collectors._descriptors import MountTable, on
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_KINDS = {b"FLOCK": "flock", b"POSIX": "posix", b"OFDLCK": "ofd", b"LEASE": "lease", b"DELEG": "lease"}
_MOST_LOCKS = 10_000
_MOST_FILES = 20_000


class _Lock(NamedTuple):
    id: int
    kind: str
    access: str
    pid: int
    device: str
    inode: int
    waiting: bool


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.LockItem`s."""
    locks = []
    for line in procfs.lines(procfs.path("locks")):
        lock = _parse(line)
        if lock:
            locks.append(lock)
        if len(locks) >= _MOST_LOCKS or context.expired:
            context.note("partial", f"there are more than the {len(locks)} file locks that were looked at")
            break
    holders = _Holders(context, locks)
    sleepers = _sleepers(context, holders)
    shown: set[int] = set()
    for lock in locks:
        pid, file = holders.find(lock)
        if lock.kind == "ofd" and not lock.waiting and pid <= 0:
            continue
        if lock.waiting and lock.id not in shown and pid <= 0:
            continue
        shown.add(lock.id)
        if lock.waiting:
            pid = _claim(sleepers, lock)
        yield {**lock._asdict(), "pid": pid, "path": None, **(_told(file) if file else {})}
    yield from sleepers


class _File(NamedTuple):
    """An open file."""

    path: str
    mount: mountinfo.Mount | None


def _told(file: _File) -> dict[str, Any]:
    return {"path": file.path, **on(file.mount)}


def _parse(line: bytes) -> _Lock | None:
    """`1: -> FLOCK  ADVISORY  WRITE 8 fe:00:2154796 0 EOF`; `->` is one who waits for the lock of that number."""
    fields = line.split()
    waiting = len(fields) > 1 and fields[1] == b"->"
    if waiting:
        del fields[1]
    if len(fields) < 6:
        return None
    kind = _KINDS.get(fields[1])
    where = fields[5].split(b":")
    if kind is None or len(where) != 3:
        return None
    try:
        return _Lock(
            id=int(fields[0].rstrip(b":")),
            kind=kind,
            access="write" if fields[3] in (b"WRITE", b"RW") else "read",
            pid=int(fields[4]),
            device=f"{int(where[0], 16)}:{int(where[1], 16)}",
            inode=int(where[2]),
            waiting=waiting,
        )
    except ValueError:
        return None


class _Holders:
    """Finds the open file behind a lock: /proc/PID/fdinfo/FD repeats the lock's line, device and inode included."""

    def __init__(self, context: Context, locks: list[_Lock]) -> None:
        self._by_holder: dict[tuple[int, str, int], _File] = {}
        self._by_file: dict[tuple[str, int], tuple[int, _File]] = {}
        self._files = 0
        self._table = MountTable()
        wanted = {lock.pid for lock in locks if lock.pid > 0}
        if any(lock.kind == "ofd" for lock in locks):
            wanted.update(_shared.pids(context))
        for pid in sorted(wanted):
            if context.expired or self._files >= _MOST_FILES:
                context.note(
                    "partial", "time was over before all open files were searched for the locks' paths"
                )
                break
            try:
                self._search(pid)
            except OSError:
                continue  # closed: the lock is told without its path

    def find(self, lock: _Lock) -> tuple[int, _File | None]:
        """The process and the file of a lock, as far as they can be found."""
        file = self._by_holder.get((lock.pid, lock.device, lock.inode))
        if file is None:
            holder = self._by_file.get((lock.device, lock.inode))
            if holder is not None:
                pid = holder[0] if lock.kind == "ofd" and not lock.waiting else lock.pid
                return pid, holder[1]
        return lock.pid, file

    def of_descriptor(self, pid: int, fd: int) -> tuple[str, int, _File] | None:
        """An open file with its device and inode, without asking its filesystem: it may be one that does not answer."""
        mount, inode = self._table.of_descriptor(pid, fd)
        try:
            name = os.fsencode(procfs.path(pid, "fd", fd))
            if mount is not None and inode is None and mount.kind in mountinfo.LOCAL:
                inode = os.stat(name).st_ino
            path = procfs.text(os.readlink(name))
        except OSError:
            return None
        return None if mount is None or inode is None else (mount.device, inode, _File(path, mount))

    def _search(self, pid: int) -> None:
        directory = os.fsencode(procfs.path(pid, "fd"))
        for name in os.listdir(directory):
            path = os.readlink(directory + b"/" + name)
            if not path.startswith(b"/") or (path.startswith(b"/dev/") and not path.startswith(b"/dev/shm/")):
                continue
            self._files += 1
            info = procfs.read(procfs.path(pid, "fdinfo", name.decode()), 1 << 16)
            number = None
            for line in info.split(b"\n"):
                if line.startswith(b"mnt_id:"):
                    number = int(line[7:])  # comes before the locks
                lock = _parse(line[5:]) if line.startswith(b"lock:") else None
                if lock:
                    file = _File(procfs.text(path), self._table.find(pid, number))
                    self._by_holder[pid, lock.device, lock.inode] = file
                    self._by_file.setdefault((lock.device, lock.inode), (pid, file))


def _sleepers(context: Context, holders: _Holders) -> list[dict[str, Any]]:
    """Who sleeps waiting for a lock; with id 0, for those whose lock /proc/locks does not show here."""
    found = []
    for sleeper in _blocked.find(context):
        if sleeper.what not in ("flock", "posix", "ofd") or sleeper.argument is None:
            continue
        file = holders.of_descriptor(sleeper.pid, sleeper.argument)
        if file is not None:
            device, inode, open_file = file
            found.append(
                {
                    "id": 0,
                    "kind": sleeper.what,
                    "access": "read" if sleeper.read else "write",
                    "pid": sleeper.pid,
                    "device": device,
                    "inode": inode,
                    "waiting": True,
                    **_told(open_file),
                }
            )
    return found


def _claim(sleepers: list[dict[str, Any]], lock: _Lock) -> int:
    """The process behind a line of one who waits: a sleeper that this explains is taken out.

    The line has the process, unless it waits for a lock of its open file description, or is in another PID
    namespace; then it has -1 or 0.
    """
    for sleeper in sleepers:
        same = (sleeper["kind"], sleeper["device"], sleeper["inode"]) == (lock.kind, lock.device, lock.inode)
        if same and (sleeper["pid"] == lock.pid or (lock.kind == "ofd" and lock.pid < 0)):
            sleepers.remove(sleeper)
            return int(sleeper["pid"])
    return lock.pid
