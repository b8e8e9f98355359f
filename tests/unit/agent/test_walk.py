"""Walks count what `du` counts, and end where somebody tries to make them go on."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe_agent import inroot, patience
from podprobe_agent.collectors import volumes
from podprobe_agent.collectors.context import Context
from podprobe_agent.collectors.volumes import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator


def walk(path: Path, seconds: float = 60.0, entries: int = 10_000_000) -> Walk:
    result = Walk(time.monotonic() + seconds, entries)
    result.start(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
    return result


def du(path: Path) -> tuple[int, int]:
    def ask(*options: str) -> int:
        shown = subprocess.run(["du", "-s", *options, path], capture_output=True, check=True)
        return int(shown.stdout.split()[0])

    return ask("--block-size=1"), ask("--inodes")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Everything that a volume can hold and a careless walk could stumble over."""
    root = tmp_path / "volume"
    for name in ("a/b/c", "a/empty", "wide"):
        (root / name).mkdir(parents=True)
    (root / "a/file").write_bytes(b"x" * 100_000)
    (root / "a/b/sparse").touch()
    os.truncate(root / "a/b/sparse", 1 << 30)
    os.link(root / "a/file", root / "wide/linked")
    os.link(root / "a/file", root / "a/b/c/linked too")
    for number in range(300):
        (root / f"wide/{number}").write_bytes(b"y")
    (root / "loop").symlink_to(".")
    (root / "a/b/up").symlink_to("../../..")
    (root / "outside").symlink_to("/etc")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "a/fifo")
    (root / "wide" / ("n" * 255)).touch()
    for name in (b"\xff\xfe undecodable", b"\x1b[2J\x1b]0;title\x07", b"new\nline", b" ", b"-rf"):
        os.mkdir(os.fsencode(root) + b"/" + name)
        os.close(os.open(os.fsencode(root) + b"/" + name + b"/" + name, os.O_CREAT | os.O_WRONLY))
    return root


def test_it_counts_what_du_counts(tree: Path) -> None:
    before = open_files()
    result = walk(tree)
    assert (result.bytes, result.inodes) == du(tree)
    assert result.reason is None
    assert open_files() == before


@pytest.fixture
def aside() -> Iterator[Path]:
    """A directory that pytest does not clean: its cleaning recurses, and a run that was interrupted leaves the tree."""
    path = Path(tempfile.mkdtemp(prefix="podprobe-deep-"))
    yield path
    subprocess.run(["rm", "-rf", path], check=True)


def test_a_tree_deeper_than_any_path_and_any_stack(aside: Path) -> None:
    depth = 3000
    here = os.open(aside, os.O_RDONLY)
    for _ in range(depth):  # 6 kB of path: more than a path may have
        os.mkdir("dd", dir_fd=here)
        below = os.open("dd", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    before = open_files()
    result = walk(aside)
    assert (result.inodes, result.reason) == (depth + 2, None)
    assert open_files() == before


def test_it_stops_at_its_number_of_entries(tree: Path) -> None:
    result = walk(tree, entries=100)
    assert result.inodes == 100
    assert result.reason == "stopped after 100 entries"


def test_it_stops_when_its_time_is_over(tree: Path) -> None:
    result = walk(tree, seconds=0)
    assert 0 < result.inodes < 100
    assert result.reason == "time for the walk was over"


def test_a_directory_that_never_ends_ends_at_the_budget(tmp_path: Path) -> None:
    """Somebody makes files faster than the walk counts them; a walk of one directory stops all the same."""
    stop = threading.Event()

    def fill() -> None:
        number = 0
        while not stop.is_set() and number < 20_000:
            number += 1
            (tmp_path / f"{number:08}").touch()

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        while len(os.listdir(tmp_path)) < 600:
            time.sleep(0.001)
        result = walk(tmp_path, entries=500)
    finally:
        stop.set()
        thread.join()
    assert result.reason == "stopped after 500 entries"


def test_files_with_too_many_links_to_remember_are_said_to_be_uncertain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        (tmp_path / f"a{number}").touch()
        os.link(tmp_path / f"a{number}", tmp_path / f"b{number}")
    assert walk(tmp_path).inodes == 11
    monkeypatch.setattr(volumes, "_LINKS_REMEMBERED", 5)
    result = walk(tmp_path)
    assert 11 < result.inodes <= 16
    assert "counted twice" in str(result.reason)


def test_more_directories_than_memory_for_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}").mkdir()
        (tmp_path / f"{number:03}/file").touch()
    monkeypatch.setattr(volumes, "_PENDING_BYTES", 200)
    result = walk(tmp_path)
    assert 101 < result.inodes < 201  # all directories, and the files of some
    assert "side by side" in str(result.reason)


@pytest.fixture
def no_root() -> Iterator[None]:
    """Root may list every directory; nobody else may."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_directory_that_may_not_be_listed_is_told(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    tmp_path.chmod(0o755)
    here = os.open(tmp_path, os.O_RDONLY)
    request.getfixturevalue("no_root")
    result = Walk(time.monotonic() + 60, 1000)
    result.start(here)
    assert result.inodes == 2
    assert result.reason == "a directory cannot be listed: Permission denied"
    assert result.refused


def test_a_directory_that_may_be_listed_and_not_searched_is_told(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "names/file").write_bytes(b"x" * 10_000)
    (tmp_path / "names").chmod(0o744)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/file").write_bytes(b"x")
    tmp_path.chmod(0o755)
    here = os.open(tmp_path, os.O_RDONLY)
    request.getfixturevalue("no_root")
    result = Walk(time.monotonic() + 60, 1000)
    result.start(here)
    assert (result.inodes, result.refused) == (4, True)
    assert result.reason == "a directory cannot be searched: Permission denied"


def test_a_directory_that_moves_away_does_not_lead_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "volume/a/b").mkdir(parents=True)
    (tmp_path / "outside/secret").mkdir(parents=True)
    listed = Walk._list

    def move_meanwhile(self: Walk, directory: int) -> bytearray:
        pending = listed(self, directory)
        if not pending:  # the walk stands in `b`; its `..` is about to be another directory
            (tmp_path / "volume/a/b").rename(tmp_path / "outside/b")
        return pending

    monkeypatch.setattr(Walk, "_list", move_meanwhile)
    result = walk(tmp_path / "volume")
    assert result.inodes == 3
    assert result.reason == "a directory was moved while it was walked"


def test_walks_share_their_time_and_say_what_they_could_not_open(tree: Path) -> None:
    context = Context(
        root_pid=os.getpid(), walk=[str(tree), str(tree / "nowhere"), str(tree / "a/file"), "relative"]
    )
    whole, absent, file, relative = volumes.collect(context)
    assert (whole["bytes"], whole["inodes"]) == du(tree)
    assert (whole["complete"], whole["reason"]) == (True, None)
    assert (absent["complete"], absent["inodes"], absent["reason"]) == (False, 0, "No such file or directory")
    assert (file["complete"], file["reason"]) == (False, "Not a directory")
    assert relative["complete"] is False


def test_a_filesystem_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    context = Context(root_pid=os.getpid(), walk=["/one", "/two"], walk_seconds=0.1)

    def hang(pid: int, path: str, walk: Walk) -> None:
        walk.inodes = 7
        release.wait(60)

    monkeypatch.setattr(volumes, "_start", hang)
    try:
        answers = list(volumes.collect(context))
    finally:
        release.set()
    assert [(a["inodes"], a["complete"]) for a in answers] == [(7, False), (7, False)]
    assert "no answer" in answers[0]["reason"]


def test_calls_that_hang_are_not_piled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_stuck", [])
    release = threading.Event()
    try:
        for _ in range(4):
            with pytest.raises(patience.Stuck, match="no answer"):
                patience.call(lambda: release.wait(60), 0.01)
        with pytest.raises(patience.Stuck, match="not asked"):
            patience.call(lambda: 1, 1.0)
    finally:
        release.set()
    for thread in list(patience._stuck):
        thread.join()
    assert patience.call(lambda: 1, 1.0) == 1


class TestInRoot:
    """Paths resolve within the container's root, whatever links are in it."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "root"
        (root / "etc").mkdir(parents=True)
        (root / "etc/passwd").write_text("the container's")
        (root / "absolute").symlink_to("/etc/passwd")
        (root / "up").symlink_to("../../../../etc/passwd")
        (root / "etc/dir").symlink_to("/etc/")
        (root / "run").mkdir()
        (root / "var").mkdir()
        (root / "var/run").symlink_to("/run")
        (root / "run/deep").symlink_to("../var/run/../etc/dir/dir/./passwd")
        (root / "loop").symlink_to("loop")
        (root / "magic").symlink_to("/proc/self/root/etc/passwd")
        return root

    @pytest.mark.parametrize(
        "path",
        [
            "/etc/passwd",
            "etc/passwd",
            "/absolute",
            "/up",
            "/etc/dir/passwd",
            "/../../etc/passwd",
            "/run/deep",
        ],
    )
    def test_it_is_the_containers_file(self, root: Path, path: str) -> None:
        before = open_files()
        fd = inroot.resolve(os.open(root, os.O_PATH), path.encode())
        found = os.readlink(f"/proc/self/fd/{fd}")
        os.close(fd)
        assert found == str(root / "etc/passwd")
        assert open_files() == before

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("/loop", errno.ELOOP),
            ("/nowhere", errno.ENOENT),
            ("/etc/passwd/x", errno.ENOTDIR),
            ("/magic", errno.ENOENT),
        ],
    )
    def test_it_fails_as_the_kernel_would(self, root: Path, path: str, error: int) -> None:
        before = open_files()
        with pytest.raises(OSError) as raised:  # noqa: PT011 - the number is looked at
            inroot.resolve(os.open(root, os.O_PATH), path.encode())
        assert raised.value.errno == error
        assert open_files() == before

    def test_a_fifo_is_found_without_waiting_for_it(self, root: Path) -> None:
        os.mkfifo(root / "fifo")
        os.close(inroot.resolve(os.open(root, os.O_PATH), b"/fifo"))
