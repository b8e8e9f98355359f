"""A network namespace of its own for what a test runs in this process."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.loopback import lo_up

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLONE_NEWNET = 0x40000000


@contextmanager
def own_network() -> Iterator[bool]:
    """This thread, and the threads and processes that it starts meanwhile, are in a new network with nothing but `lo`.

    It takes root: without it nothing happens, and the value is false. (A user namespace cannot be entered by a process
    that has threads already.)
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_CLONE_NEWNET) != 0:
            yield False
            return
        lo_up()
        try:
            yield True
        finally:
            if libc.setns(before, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "the way back into the network of before is barred")
    finally:
        os.close(before)
