"""The system calls that Python's standard library lacks (or has only from 3.12 on): namespaces, mounts, prctl."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Pass on what a libc function returned.

    Raises:
        OSError: it returned -1; `filename` is `what`.
    """
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def unshare(flags: int) -> None:
    """Leave namespaces for new ones, as `unshare(2)`."""
    check(libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter a namespace, as `setns(2)`."""
    check(libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    """Mount, as `mount(2)`."""
    encoded = [text.encode() if text is not None else None for text in (source, target, kind, data)]
    call = libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    check(call, f"mount {kind or 'bind'} on {target}")


def pivot_root(new_root: str) -> None:
    """Make `new_root`, a mount, the root directory and forget the old one."""
    os.chdir(new_root)
    # Both arguments the same: the old root ends up stacked over the new one, and is then taken off.
    check(libc.pivot_root(b".", b"."), f"pivot_root to {new_root}")
    check(libc.umount2(b".", _MNT_DETACH), "unmount of the old root")
    os.chdir("/")


def sethostname(name: str) -> None:
    """Name the UTS namespace, as `sethostname(2)`."""
    encoded = name.encode()
    check(libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def die_with_parent(signal: int) -> None:
    """Ask the kernel for `signal` when the parent ends."""
    check(libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0), "prctl")


def set_process_name(name: str) -> None:
    """What `ps` calls this process; the kernel keeps 15 bytes."""
    check(libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0), "prctl")


def namespace_id(kind: str, pid: int | str = "self") -> int:
    """The inode that names a process's namespace, the same number seen from everywhere."""
    return Path(f"/proc/{pid}/ns/{kind}").stat().st_ino
