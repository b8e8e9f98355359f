"""Shared mappings: the kernel's own, and files that try to look like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents.answers import MapItem, SysvShmItem
from podprobe_agent.collectors import maps, sysv

if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

SHM = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime"
    "      ctime                   rss                  swap\n"
    "      4660          3   666               1048576     1    10      4     0     0     0     0 1795171236 1795171236"
    " 1795171236                  4096                     0\n"
    "-559038737          4  1600                  4096     0     0      0  1000  1000  1000  1000          0          0"
    " 1795171236                     0                     0\n"
)
MAPS = r"""55f7cfed4000-55f7cfef7000 r--p 00000000 00:c0 123                        /usr/bin/app
7f0000000000-7f0000100000 rw-s 00000000 00:01 3                          /SYSV00001234 (deleted)
7f0000100000-7f0000200000 rw-s 00000000 00:01 3                          /SYSV00001234 (deleted)
7f0000200000-7f0000300000 rw-s 00000000 fe:00 99                         /SYSV00001234 (deleted)
7f0000300000-7f0000301000 rw-s 00000000 fe:00 3                          /SYSV00009999 (deleted)
7f0000301000-7f0000302000 rw-s 00000000 fe:00 3                          /SYSV00001234
7f0000302000-7f0000303000 rw-s 00000000 00:01 4                          /SYSVdeadbeef (deleted)
7f0000400000-7f0000500000 rw-s 00000000 00:a6 2                          /dev/shm/ring
7f0000500000-7f0000600000 r--p 00000000 00:a6 2                          /dev/shm/ring
7f0000600000-7f0000700000 rw-s 00000000 00:a6 5                          /dev/shm/new\012line (deleted)
7f0000700000-7f0000800000 rw-s 00000000 00:01 7                          /dev/zero (deleted)
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
"""


def test_segments_and_files_of_dev_shm(proc, context: Context) -> None:
    proc({"sysvipc/shm": SHM, "7/maps": MAPS})
    items = list(maps.collect(context))
    msgspec.convert(items, list[MapItem])
    shown = [
        (i["kind"], i["shmid"], i["path"], i["device"], i["inode"], i["bytes"], i["deleted"]) for i in items
    ]
    assert shown == [
        ("sysv", 3, None, "0:1", 3, 2 << 20, False),  # attached twice
        ("sysv", 4, None, "0:1", 4, 4096, False),
        ("posix", None, "/dev/shm/ring", "0:166", 2, 1 << 20, False),  # the private mapping shares nothing
        ("posix", None, "/dev/shm/new\nline", "0:166", 5, 1 << 20, True),
    ]


def test_time_that_is_over_is_told(proc, context: Context) -> None:
    proc({"sysvipc/shm": SHM, "7/maps": MAPS, "8/maps": MAPS})
    context.deadline = 0
    assert len(list(maps.collect(context))) == 4
    assert [note["reason"] for note in context.notes] == ["time was over after 1 of 2 processes"]


@given(st.binary(max_size=200))
def test_no_line_is_too_strange(line: bytes) -> None:
    try:
        maps._item(7, b"7f00-7f01 rw-s 00000000 00:01 3 /dev/shm/" + line, {})
    except ValueError:
        raise AssertionError from None


def test_keys_are_unsigned_and_modes_octal(proc, context: Context) -> None:
    proc({"sysvipc/shm": SHM})
    one, two = sysv.collect_shm(context)
    msgspec.convert([one, two], list[SysvShmItem])
    assert (one["key"], one["mode"], one["bytes"], one["resident_bytes"]) == (0x1234, 0o666, 1 << 20, 4096)
    assert (two["key"], two["mode"]) == (0xDEADBEEF, 0o1600)
