"""Read-only System V calls through the C library. None of them changes an object, or its times."""

from __future__ import annotations

import ctypes
import struct

# linux/sem.h, linux/ipc.h: the same on every architecture.
_IPC_STAT = 2
_GETPID = 11
_GETALL = 13
_GETNCNT = 14
_GETZCNT = 15

# struct msqid_ds of 64-bit Linux (asm-generic/msgbuf.h): ipc_perm, three times, msg_cbytes, msg_qnum, msg_qbytes.
_QBYTES_AT = 88
_MSQID_BYTES = 256
_LP64 = struct.calcsize("P") == 8 and struct.calcsize("l") == 8

_libc = ctypes.CDLL(None, use_errno=True)


def semaphore_values(semid: int, count: int) -> tuple[int, ...] | None:
    """`semctl(GETALL)`; `None` where the set may not be read or has gone."""
    # Room to spare: between /proc and here the set can have been replaced by a larger one of the same id.
    values = (ctypes.c_ushort * max(count, 32_768))()
    if _libc.semctl(semid, 0, _GETALL, ctypes.byref(values)) < 0:
        return None
    return tuple(values[:count])


def semaphore_waiting(semid: int, count: int) -> tuple[int, ...] | None:
    """Processes that wait for each semaphore of a set to rise (GETNCNT) or to be zero (GETZCNT)."""
    waiting = []
    for number in range(count):
        rise = _libc.semctl(semid, number, _GETNCNT, 0)
        zero = _libc.semctl(semid, number, _GETZCNT, 0)
        if rise < 0 or zero < 0:
            return None
        waiting.append(rise + zero)
    return tuple(waiting)


def semaphore_pids(semid: int, count: int) -> tuple[int, ...] | None:
    """Per semaphore, who was the last to operate on it (GETPID): 0 for nobody, and for another PID namespace's."""
    pids = tuple(_libc.semctl(semid, number, _GETPID, 0) for number in range(count))
    return None if any(pid < 0 for pid in pids) else pids


def queue_bound(msqid: int) -> int | None:
    """`msg_qbytes` of a queue; `None` where it may not be read, or on a 32-bit system."""
    if not _LP64:
        return None
    room = ctypes.create_string_buffer(_MSQID_BYTES)
    if _libc.msgctl(msqid, _IPC_STAT, room) < 0:
        return None
    return int(struct.unpack_from("L", room, _QBYTES_AT)[0])
