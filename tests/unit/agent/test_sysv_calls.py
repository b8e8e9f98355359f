"""Semaphore sets as the kernel has them."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="System V IPC as Linux has it")
_IPC_RMID, _SETVAL = 0, 16


@pytest.fixture
def semid() -> Iterator[int]:
    """A private set of two semaphores."""
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.semget(0, 2, 0o600)
    assert made >= 0, os.strerror(ctypes.get_errno())
    yield made
    libc.semctl(made, 0, _IPC_RMID, 0)


def test_the_last_to_operate_is_told_by_semaphore(semid: int) -> None:
    from podprobe_agent.collectors import _sysv_calls

    assert _sysv_calls.semaphore_pids(semid, 2) == (0, 0)
    raised = struct.pack("Hhh", 1, 3, 0)
    assert ctypes.CDLL(None).semop(semid, raised, ctypes.c_size_t(1)) == 0
    assert _sysv_calls.semaphore_pids(semid, 2) == (0, os.getpid())
    assert _sysv_calls.semaphore_values(semid, 2) == (0, 3)
    assert _sysv_calls.semaphore_waiting(semid, 2) == (0, 0)


def test_a_set_that_is_gone() -> None:
    from podprobe_agent.collectors import _sysv_calls

    assert _sysv_calls.semaphore_pids(0x7FFFFFFF, 2) is None
