"""The split report on a semaphore set of real namespaces, of whose users the kernel keeps the last alone."""

from __future__ import annotations

import sys

import pytest

from podprobe.analysis.split import split
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import Demo
from tests.local import kernel

pytestmark = pytest.mark.namespaces

_RAISE = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
identifier = libc.semget(0x4242, 1, 0o1666)
assert libc.semop(identifier, struct.pack("Hhh", 0, 1, 0), 1) == 0, ctypes.get_errno()
"""


def test_whoever_used_a_semaphore_before_is_not_known_until_seen() -> None:
    with Demo(()) as demo, Session(open_local(demo.pid), SessionOptions(active=False)) as session:
        for container in ("web", "metrics"):
            kernel.run_in(demo, sys.executable, "-c", _RAISE, container=container, files=False)
        (only,) = (each for each in kernel.sysvipc(demo, "sem") if each["key"] == 0x4242)
        assert only["nsems"] == 1
        looks = [session.look()]
        for moved in ("web", "metrics"):
            found = {each.channel.via: each for each in split(looks, moved).crossings}
            assert found["0x00004242"].fate == "unknown"
            assert {found["0x00004242"].channel.a, found["0x00004242"].channel.b} == {"metrics", None}
        kernel.run_in(demo, sys.executable, "-c", _RAISE, container="web", files=False)
        looks.append(session.look())
        found = {each.channel.via: each for each in split(looks, "web").crossings}
        assert found["0x00004242"].fate == "bound"
