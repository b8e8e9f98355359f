"""System V shared memory, semaphores and message queues, and POSIX message queues, which Python lacks."""

from __future__ import annotations

import ctypes
import errno
import struct
from pathlib import Path

from .linux import check, libc

IPC_CREAT = 0o1000
IPC_NOWAIT = 0o4000
IPC_PRIVATE = 0
_IPC_RMID = 0
_IPC_SET = 1
_SETVAL = 16
_SHMAT_FAILED = ctypes.c_void_p(-1).value

libc.shmat.restype = ctypes.c_void_p
libc.msgrcv.restype = ctypes.c_ssize_t


def attach_segment(key: int, size: int) -> memoryview:
    """Make a shared-memory segment, or find it, and attach it.

    Returns:
        Its memory.
    """
    identifier = check(libc.shmget(key, ctypes.c_size_t(size), IPC_CREAT | 0o600), "shmget")
    address = libc.shmat(identifier, None, 0)
    if address is None or address == _SHMAT_FAILED:
        check(-1, "shmat")
    return memoryview((ctypes.c_char * size).from_address(address)).cast("B")


def semaphores(key: int, count: int) -> int:
    """Make a semaphore set, or find it."""
    return check(libc.semget(key, count, IPC_CREAT | 0o600), "semget")


def set_semaphore(identifier: int, index: int, value: int) -> None:
    """semctl(SETVAL)."""
    check(libc.semctl(identifier, index, _SETVAL, ctypes.c_int(value)), "semctl")


def change_semaphore(identifier: int, index: int, amount: int) -> None:
    """semop(2): raise or lower a semaphore; waits where it would fall below zero."""
    operation = struct.pack("Hhh", index, amount, 0)
    check(libc.semop(identifier, operation, ctypes.c_size_t(1)), "semop")


def queue(key: int) -> int:
    """Make a message queue, or find it."""
    return check(libc.msgget(key, IPC_CREAT | 0o600), "msgget")


def send(identifier: int, text: bytes, kind: int = 1, wait: bool = False) -> bool:
    """msgsnd(2).

    Returns:
        False where the queue is full (and `wait` is false).
    """
    message = struct.pack("l", kind) + text
    if libc.msgsnd(identifier, message, ctypes.c_size_t(len(text)), 0 if wait else IPC_NOWAIT) == 0:
        return True
    if ctypes.get_errno() != errno.EAGAIN:
        check(-1, "msgsnd")
    return False


def receive(identifier: int, limit: int = 8192) -> bytes:
    """msgrcv(2): waits for the next message."""
    buffer = ctypes.create_string_buffer(struct.calcsize("l") + limit)
    length: int = libc.msgrcv(identifier, buffer, ctypes.c_size_t(limit), ctypes.c_long(0), 0)
    check(length, "msgrcv")
    return buffer.raw[struct.calcsize("l") :][:length]


class PosixQueue:
    """A POSIX message queue, open for reading and writing without waiting.

    Args:
        name: begins with a slash.
        messages: the most that it may hold.
        message_bytes: the size of the largest.
    """

    def __init__(self, name: str, messages: int = 10, message_bytes: int = 256) -> None:
        rights, read_write, create, no_wait = 0o600, 2, 0o100, 0o4000
        attributes = struct.pack("8l", 0, messages, message_bytes, 0, 0, 0, 0, 0)
        flags = read_write | create | no_wait
        self._queue = check(
            libc.mq_open(name.encode(), flags, ctypes.c_uint(rights), attributes), f"mq_open {name}"
        )
        self._message_bytes = message_bytes

    def send(self, text: bytes) -> bool:
        """Send; false where the queue is full."""
        if libc.mq_send(self._queue, text, ctypes.c_size_t(len(text)), ctypes.c_uint(0)) == 0:
            return True
        if ctypes.get_errno() != errno.EAGAIN:
            check(-1, "mq_send")
        return False

    def receive(self) -> bytes | None:
        """The next message; `None` where there is none."""
        buffer = ctypes.create_string_buffer(self._message_bytes)
        libc.mq_receive.restype = ctypes.c_ssize_t
        length: int = libc.mq_receive(self._queue, buffer, ctypes.c_size_t(self._message_bytes), None)
        if length >= 0:
            return buffer.raw[:length]
        if ctypes.get_errno() != errno.EAGAIN:
            check(-1, "mq_receive")
        return None


def limit(name: str) -> int:
    """A limit of the IPC namespace: the first number of `/proc/sys/kernel/NAME`."""
    return int(Path("/proc/sys/kernel", name).read_text().split()[0])


def set_limit(name: str, value: str) -> None:
    """Set a limit of the IPC namespace; `sem` takes four numbers."""
    Path("/proc/sys/kernel", name).write_text(value)
