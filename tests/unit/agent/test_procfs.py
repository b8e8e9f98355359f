"""The readers of /proc, on what kernels write and on what nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents.answers import ProcessItem
from podprobe_agent import mountinfo, procfs

STAT = "{pid} ({name}) {state} 1 7 7 0 -1 4194304 93 0 0 0 150 50 0 0 20 0 3 0 12345 9961472 {pages} 1844\n"


@pytest.mark.parametrize("name", ["nginx", "a) R 9 (b", "with space", ")", "", "x\ny", "\x1b[31m"])
def test_a_name_cannot_disturb_the_fields_after_it(proc, name: str) -> None:
    proc({"7/stat": STAT.format(pid=7, name=name, state="Z", pages=10)})
    stat = procfs.stat(7)
    assert stat == (name.encode(), "zombie", 1, 200, 3, 12345, 10)


def test_a_zombie_on_a_hybrid_host_is_told_by_its_v2_path(proc) -> None:
    proc({"7/cgroup": "8:pids:/\n4:memory:/\n0::/kubepods/pod1/c1\n"})
    assert procfs.cgroup_path(7) == b"/kubepods/pod1/c1"


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("0::/kubepods/c1\n", b"/kubepods/c1"),
        ("0::/\n", b"/"),
        ("0::/../c1\n", b"/../c1"),
        ("9:pids:/p\n4:memory:/docker/c1\n0::/\n", b"/docker/c1"),
        ("9:pids:/docker/c1\n1:name=systemd:/x\n", b"/docker/c1"),
        ("4:memory:/\n0::/user.slice\n", b"/user.slice"),
        ("0::/with:colon\n", b"/with:colon"),
        ("", None),
    ],
)
def test_the_path_that_tells_containers_apart(proc, lines: str, path: bytes) -> None:
    proc({"7/cgroup": lines})
    assert procfs.cgroup_path(7) == path


def test_effective_ids_and_groups(proc) -> None:
    proc({"7/status": "Name:\tx\nUid:\t0\t33\t0\t33\nGid:\t0\t34\t0\t34\nFDSize:\t64\nGroups:\t33 100 \n"})
    assert procfs.status_ids(7) == (33, 34, (33, 100))


@pytest.mark.parametrize(("soft", "number"), [("1024", 1024), ("unlimited", None)])
def test_the_limit_of_open_files(proc, soft: str, number: int | None) -> None:
    proc({"7/limits": f"Limit  Soft\nMax open files            {soft}      524288      files     \n"})
    assert procfs.open_files_limit(7) == number


MOUNTINFO = rb"""620 485 0:184 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u
622 620 0:187 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
636 620 254:0 /pods/f1/data /with\040space\011and\134n ro,relatime shared:1 master:2 - ext4 /dev/vda rw
641 620 0:50 / /over rw - tmpfs - ro
"""


def test_mountinfo_with_escapes_and_optional_fields(proc) -> None:
    proc({"7/mountinfo": MOUNTINFO})
    root, dev, data, over = mountinfo.read(7)
    assert root.kind == "overlay"
    assert mountinfo.root_mount(7) == (620, "0:184")
    assert (dev.id, dev.parent, dev.device, dev.read_only) == (622, 620, "0:187", False)
    assert data.path == b"/with space\tand\\n"
    assert (data.kind, data.source, data.read_only) == ("ext4", b"/dev/vda", True)
    assert over.read_only  # the filesystem takes no writes, whatever the mount says


def test_the_root_mount_is_found_behind_a_long_table(proc) -> None:
    many = b"".join(b"%d 1 0:%d / /m%d rw - tmpfs t rw\n" % (n, n, n) for n in range(100, 300))
    proc({"7/mountinfo": many + b"9 1 8:1 / / rw - ext4 /dev/sda rw\n"})
    assert mountinfo.root_mount(7) == (9, "8:1")


@given(st.binary(max_size=300))
def test_no_line_is_too_strange_for_mountinfo(line: bytes) -> None:
    mountinfo.parse(line)


@given(st.binary(max_size=60))
def test_unescaping_undoes_what_the_kernel_does(name: bytes) -> None:
    escaped = b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes((byte,)) for byte in name)
    assert procfs.unescape(escaped) == name


@given(st.binary(max_size=9000))
def test_any_name_is_text_that_may_be_sent(raw: bytes) -> None:
    text = procfs.text(raw)
    assert len(text) <= 4096
    text.encode()


def test_processes_read_from_proc_are_what_psutil_reads() -> None:
    import os
    import time

    import msgspec

    from podprobe_agent.collectors import _known, processes
    from podprobe_agent.collectors.context import Context

    def look() -> dict[int, dict]:
        return {item["pid"]: item for item in processes.collect(Context())}

    few, seconds = _known._FEW, _known._SECONDS
    try:
        _known._FEW = 0
        before = look()
        _known._FEW, _known._SECONDS = few, -1
        look()
        by_psutil = look()
        assert any(known.confirmed for known in processes._people._known.values())
        _known._FEW = 0
        by_proc = look()
    finally:
        _known._FEW, _known._SECONDS = few, seconds
    assert len(by_psutil.keys() & by_proc.keys()) > 3
    same = (
        "parent",
        "name",
        "command",
        "uid",
        "gid",
        "groups",
        "open_files_limit",
        "cgroup",
        "root_device",
        "agent",
    )
    for pid in by_psutil.keys() & by_proc.keys():
        one, other = by_psutil[pid], by_proc[pid]
        msgspec.convert(one, ProcessItem)
        msgspec.convert(other, ProcessItem)
        assert one["started_at"] == pytest.approx(other["started_at"], abs=0.05)
        # It has neither called exec nor named itself meanwhile, as young ones do, nor lost its parent, and is no
        # kernel thread: a kworker's name changes with its work.
        settled = time.time() - one["started_at"] > 5 and all(
            pid in before and before[pid][name] == other[name] for name in same
        )
        if settled and one["command"] and one["command"] == other["command"]:
            assert {name: one[name] for name in same} == {name: other[name] for name in same}
    assert os.getpid() not in by_proc
