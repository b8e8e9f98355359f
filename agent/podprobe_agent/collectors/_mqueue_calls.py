"""mq_getattr through the C library; it works on a queue opened as a file of a mqueue mount, too."""

from __future__ import annotations

import ctypes


class _MqAttr(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_long),
        ("maxmsg", ctypes.c_long),
        ("msgsize", ctypes.c_long),
        ("curmsgs", ctypes.c_long),
        ("reserved", ctypes.c_long * 4),
    ]


def _library() -> ctypes.CDLL | None:
    for name in (None, "librt.so.1"):  # glibc before 2.34 has it in librt
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(library, "mq_getattr"):
            return library
    return None


_libc = _library()


def attributes(fd: int) -> dict[str, int] | None:
    """Messages in a queue, the most it takes, and the most bytes of one; `None` where the call fails."""
    room = _MqAttr()
    if _libc is None or _libc.mq_getattr(fd, ctypes.byref(room)) < 0:
        return None
    return {"messages": room.curmsgs, "max_messages": room.maxmsg, "message_bytes": room.msgsize}
