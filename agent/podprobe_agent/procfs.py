"""Small readers of /proc. Paths and names stay bytes until they are answered: a file name need not be text.

Every reader raises `OSError` as the kernel gave it: `FileNotFoundError` and `ProcessLookupError` for a process
that has gone (`GONE`), `PermissionError` for one that is closed to the agent.
"""

from __future__ import annotations

import os

from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "/proc"
"""Where procfs is mounted. Tests point it at recorded trees."""

GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)
"""What reading a process's files raises once it has ended."""

TEXT_LIMIT = 4096
"""The most characters of one string that are sent."""

_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "tracing-stop",
    "Z": "zombie",
    "X": "dead",
    "x": "dead",
    "K": "wake-kill",
    "W": "waking",
    "I": "idle",
    "P": "parked",
}


class Stat(NamedTuple):
    """/proc/PID/stat, as far as it is needed. `ticks` are of `os.sysconf("SC_CLK_TCK")`."""

    name: bytes
    state: str
    """One word, as psutil has them."""
    parent: int
    cpu_ticks: int
    """utime + stime."""
    threads: int
    start_ticks: int
    """After boot."""
    resident_pages: int


def path(*parts: object) -> str:
    """A path below procfs."""
    return "/".join((ROOT, *map(str, parts)))


def read(file: str, limit: int = 1 << 20) -> bytes:
    """The first `limit` bytes of a file of the kernel's, without the cost of a file object."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        pieces = []
        while limit > 0:
            piece = os.read(fd, min(limit, 1 << 16))
            if not piece:
                break
            pieces.append(piece)
            limit -= len(piece)
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]
    finally:
        os.close(fd)


def read_once(file: str, limit: int = 4096) -> bytes:
    """What one read() gives. It is all of a file that the kernel makes in one piece, as most of a process's are."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, limit)
    finally:
        os.close(fd)


def lines(file: str) -> Iterator[bytes]:
    """The lines of a file that may be long, without their ends, in pieces of 64 KiB."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = b""
        while True:
            piece = os.read(fd, 1 << 16)
            if not piece:
                break
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        if rest:
            yield rest
    finally:
        os.close(fd)


def matching(file: str, words: tuple[bytes, ...]) -> Iterator[list[bytes]]:
    """The lines that hold one of the words, a list for each piece of the file that was read.

    Most pieces of a long file hold none of them, and are not even taken apart.
    """
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = b""
        while True:
            read = os.read(fd, 1 << 16)
            piece = rest + read
            end = piece.rfind(b"\n") + 1 if read else len(piece)
            whole, rest = piece[:end], piece[end:]
            if any(word in whole for word in words):
                yield [line for line in whole.split(b"\n") if any(word in line for word in words)]
            else:
                yield []
            if not read:
                return
    finally:
        os.close(fd)


def text(raw: bytes, limit: int = TEXT_LIMIT) -> str:
    """Bytes of the kernel's as text that can be sent: undecodable ones replaced, cut at `limit` characters."""
    return raw.decode("utf-8", "replace")[:limit]


def unescape(raw: bytes) -> bytes:
    r"""Undo the kernel's octal escapes (`\040` for a space) in mountinfo and maps."""
    if b"\\" not in raw:
        return raw
    head, *parts = raw.split(b"\\")
    out = [head]
    for part in parts:
        digits = part[:3]
        if len(digits) == 3 and digits.isdigit() and max(digits) <= 0x37 and digits[0] <= 0x33:
            out.append(bytes((int(digits, 8),)) + part[3:])
        else:
            out.append(b"\\" + part)
    return b"".join(out)


def device(number: int) -> str:
    """A device number as `major:minor` in decimal."""
    return f"{os.major(number)}:{os.minor(number)}"


def pids() -> list[int]:
    """All processes that procfs shows, in order."""
    return sorted(int(name) for name in os.listdir(ROOT) if name.isdigit())


def stat(pid: int) -> Stat:
    """/proc/PID/stat. The name may hold spaces and parentheses, so fields count from the last one."""
    raw = read_once(path(pid, "stat"))
    left, _, right = raw.rpartition(b")")
    fields = right.split()
    return Stat(
        name=left.partition(b"(")[2],
        state=_STATES.get(fields[0].decode("ascii", "replace"), "unknown"),
        parent=int(fields[1]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        threads=int(fields[17]),
        start_ticks=int(fields[19]),
        resident_pages=int(fields[21]),
    )


def status_ids(pid: int) -> tuple[int, int, tuple[int, ...]]:
    """Effective uid, effective gid and supplementary groups (/proc/PID/status)."""
    uid = gid = -1
    groups: tuple[int, ...] = ()
    for line in read_once(path(pid, "status"), 1 << 16).split(b"\n"):
        if line.startswith(b"Uid:"):
            uid = int(line.split()[2])
        elif line.startswith(b"Gid:"):
            gid = int(line.split()[2])
        elif line.startswith(b"Groups:"):
            groups = tuple(int(group) for group in line[7:].split())
            break
    if uid < 0 or gid < 0:
        raise ProcessLookupError
    return uid, gid, groups


def open_files_limit(pid: int) -> int | None:
    """Soft RLIMIT_NOFILE (/proc/PID/limits); `None` where it is unlimited."""
    raw = read_once(path(pid, "limits"))
    at = raw.find(b"Max open files")
    if at < 0:
        return None
    soft = raw[at + 14 : raw.find(b"\n", at)].split()[0]
    return int(soft) if soft.isdigit() else None


def open_files_count(pid: int) -> int:
    """Number of file descriptors: since Linux 6.2 the size of /proc/PID/fd, before that a listing."""
    directory = path(pid, "fd")
    return os.stat(directory).st_size or len(os.listdir(directory))


def cgroup_lines(pid: object) -> list[tuple[str, bytes]]:
    """/proc/PID/cgroup: controllers (empty for cgroup v2) and path, in the kernel's order."""
    found = []
    for line in read_once(path(pid, "cgroup"), 1 << 16).split(b"\n"):
        parts = line.split(b":", 2)
        if len(parts) == 3:
            found.append((text(parts[1]), parts[2]))
    return found


def cgroup_path(pid: int) -> bytes | None:
    """The path that tells one container's processes from another's.

    The v2 path, unless it is the root while v1 knows more: hybrid hosts need not use v2 (and of a zombie, only
    v2 still knows).
    """
    v1 = b""
    v2 = b""
    for controllers, where in cgroup_lines(pid):
        if not controllers:
            v2 = where
        elif controllers == "memory" or (controllers == "pids" and not v1):
            v1 = where
    if v2 and (v2 != b"/" or v1 in (b"", b"/")):
        return v2
    return v1 or None


def name(pid: int) -> str:
    """The process's short name; empty once it has gone."""
    try:
        return text(read_once(path(pid, "comm"), 64).rstrip(b"\n"), 64)
    except OSError:
        return ""


def boot_time() -> float:
    """When the machine was booted, in seconds since the epoch (`btime` of /proc/stat)."""
    for line in lines(path("stat")):
        if line.startswith(b"btime "):
            return float(line[6:])
    return 0.0
