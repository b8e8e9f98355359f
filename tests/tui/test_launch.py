"""From the command line to the view: what is refused before, what is not imported, and the page of keys."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from podprobe.cli import podprobe
from podprobe.errors import PodprobeError
from podprobe.model import to_json
from podprobe.tui.key_page import keys_of, page
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.views import VIEWS
from tests.support.samples import healthy_pod

ROOT = Path(__file__).parents[2]


def test_the_page_of_keys_is_that_of_the_bindings() -> None:
    written = (ROOT / "docs/reference/keys.md").read_text()
    assert written.endswith(page()), "run: make docs"
    assert [key.written for key in keys_of(PodScreen)][: len(VIEWS)] == [
        str(number) for number in range(1, 9)
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "{dir}/none.json"], "No such file"),
        (["replay", "{dir}/bad.json"], "not a podprobe snapshot"),
        (["replay", "{dir}/good.json"], "needs a terminal"),
        (["replay", "{dir}/good.json", "--diff", "{dir}/bad.json"], "not a podprobe snapshot"),
        (["replay", "{dir}/good.json", "--diff", "{dir}/none.json"], "No such file"),
        (["tui", "nonsense/x"], "cannot look at"),
        (["tui", "local:0"], "not a process id"),
        (["tui", "file:{dir}/none.json"], "No such file"),
        (["tui", "web"], "needs a terminal"),
        (["tui"], "needs a terminal"),
    ],
)
def test_what_cannot_be_shown_is_said_before_the_screen_is_taken(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "bad.json").write_text("{}\n")
    (tmp_path / "good.json").write_text(to_json(healthy_pod()))
    result = CliRunner().invoke(podprobe, [one.format(dir=tmp_path) for one in arguments])
    assert isinstance(result.exception, PodprobeError)
    assert said in result.exception.message


def test_the_first_paint_waits_for_no_cluster_client() -> None:
    program = (
        "import sys, podprobe.cli.tui; from podprobe.tui import launch; import podprobe.tui.screens.main;"
        "print([name for name in ('kubernetes', 'scapy', 'yaml', 'jinja2', 'podprobe.session',"
        " 'podprobe.tui.details', 'podprobe.tui.widgets.grid') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_where_it_draws_must_be_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    file.write_text(to_json(healthy_pod()))
    ours, its = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "podprobe", "replay", str(file)], stdin=its, stdout=its,
            stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT, timeout=60,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(its)
    assert done.returncode == 2
    assert "standard error, where it draws, is redirected" in done.stderr


def test_a_snapshot_is_painted_on_a_real_terminal_and_q_leaves_it_clean(tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    file.write_text(to_json(healthy_pod()))
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm-256color", PYTHONPATH=os.pathsep.join(sys.path))
        os.execv(sys.executable, [sys.executable, "-m", "podprobe", "replay", str(file)])
    seen = b""
    pressed = False
    deadline = time.monotonic() + 60
    status = None
    while status is None and time.monotonic() < deadline:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 1 << 16)
            except OSError:  # EIO: the other side is gone
                time.sleep(0.05)
        if b"nothing found" in seen and not pressed:
            os.write(fd, b"q")
            pressed = True
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
    os.close(fd)
    assert status == 0
    assert b"\x1b[?1049l" in seen, "the alternate screen was not left"
