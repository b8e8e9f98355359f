"""File locks: what /proc/locks shows, what it leaves out, and where the paths come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents.answers import LockItem
from podprobe_agent.collectors import locks

if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

LOCKS = """1: FLOCK  ADVISORY  WRITE 7 fe:00:2154796 0 EOF
1: -> FLOCK  ADVISORY  WRITE 8 fe:00:2154796 0 EOF
1:  -> FLOCK  ADVISORY  READ 0 fe:00:2154796 0 EOF
2: POSIX  ADVISORY  READ  7 00:32:5 128 255
5: OFDLCK ADVISORY  WRITE -1 fe:00:1689884 0 EOF
6: OFDLCK ADVISORY  WRITE -1 00:32:9 0 EOF
6: -> OFDLCK ADVISORY  READ -1 00:32:9 0 EOF
7: LEASE  ACTIVE    READ  7 00:32:7 0 EOF
8: POSIX  *NOINODE* WRITE 7 <none>:0 0 EOF
9: NEWKIND ADVISORY WRITE 7 00:32:7 0 EOF
"""


def collected(context: Context) -> list[dict]:
    items = list(locks.collect(context))
    for item in items:
        msgspec.convert(item, LockItem)
    return items


def test_locks_waiters_and_paths(proc, context: Context) -> None:
    proc(
        {
            "locks": LOCKS,
            "7/fd/3": "-> /data/lock",
            "7/fdinfo/3": "pos:\t0\nlock:\t1: FLOCK  ADVISORY  WRITE 7 fe:00:2154796 0 EOF\n",
            "7/fd/4": "-> socket:[99]",
            "8/fd/5": "-> /mem/ofd",
            "8/fdinfo/5": "pos:\t0\nlock:\t1: OFDLCK ADVISORY  WRITE -1 00:32:9 0 EOF\n",
        }
    )
    shown = [
        (i["id"], i["kind"], i["access"], i["pid"], i["device"], i["inode"], i["waiting"], i["path"])
        for i in collected(context)
    ]
    assert shown == [
        (1, "flock", "write", 7, "254:0", 2154796, False, "/data/lock"),
        (1, "flock", "write", 8, "254:0", 2154796, True, "/data/lock"),
        (1, "flock", "read", 0, "254:0", 2154796, True, "/data/lock"),  # of another PID namespace
        (2, "posix", "read", 7, "0:50", 5, False, None),
        # number 5 belongs to nobody here
        (6, "ofd", "write", 8, "0:50", 9, False, "/mem/ofd"),
        (6, "ofd", "read", -1, "0:50", 9, True, "/mem/ofd"),
        (7, "lease", "read", 7, "0:50", 7, False, None),
    ]


def test_a_waiter_whose_holder_is_in_another_pid_namespace(proc, context: Context, monkeypatch) -> None:
    proc(
        {
            "locks": "",
            "8/task/8/wchan": "hrtimer_nanosleep",
            "8/task/9/wchan": "locks_lock_inode_wait",
            "8/task/9/syscall": "73 0x5 0x1 0x0 0x0 0x0 0x0 0x7ffc 0x7f00\n",
            "8/fd/5": "-> /data/lock",
            "8/fdinfo/5": "pos:\t0\nflags:\t0100002\nmnt_id:\t30\nino:\t77\n",
            "8/mountinfo": "9 1 0:9 / / rw - overlay o rw\n30 9 8:1 /v /data rw - ext4 /dev/sda1 rw\n",
        }
    )
    monkeypatch.setattr("podprobe_agent.collectors._blocked._NUMBERS", {73: "flock"})
    (item,) = collected(context)
    assert (item["id"], item["kind"], item["access"], item["pid"]) == (0, "flock", "read", 8)
    assert item["waiting"]
    assert (item["device"], item["inode"], item["path"]) == ("8:1", 77, "/data/lock")


@given(st.binary(max_size=100))
def test_no_line_is_too_strange(line: bytes) -> None:
    locks._parse(line)
    locks._parse(b"1: " + line)
