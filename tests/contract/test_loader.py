"""The agent's modules are compiled by a child that goes away, and without one where there can be none."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podprobe.agents import bootstrap, bundle, psutil_source
from podprobe.agents.answers import OWN, SHARED
from podprobe.agents.client import Agent
from podprobe.agents.process import ProcessStream

NO_CHILD = """
import os
def fork(): raise BlockingIOError(11, "the pids limit is reached")
os.fork = fork
"""
CHILD_DIES = """
import os
fork = os.fork
def dying():
    child = fork()
    if not child: os._exit(9)
    return child
os.fork = dying
"""
CHILD_IS_CUT_SHORT = """
import os
dumps = __import__("marshal").dumps
count = []
def failing(value):
    count.append(1)
    if len(count) > 30: os._exit(9)
    return dumps(value)
__import__("marshal").dumps = failing
"""


def start(before: str = "", *options: str) -> Agent:
    return Agent.start(
        ProcessStream((sys.executable, *options, *bootstrap.COMMAND[1:-1], before + bootstrap.SOURCE)), "web"
    )


@pytest.mark.parametrize("before", ["", NO_CHILD, CHILD_DIES, CHILD_IS_CUT_SHORT])
@pytest.mark.parametrize("sent", ["compiled", "source"])
@pytest.mark.parametrize("library", ["compiled", "source"])
def test_all_areas_answer_however_the_modules_came(
    monkeypatch: pytest.MonkeyPatch, before: str, sent: str, library: str
) -> None:
    if sent == "source":
        monkeypatch.setattr(bootstrap, "own_code", lambda: "another/00")
    agent = start(before, *(("-X", "pycache_prefix=/nonexistent") if library == "source" else ()))
    try:
        assert agent.hello.psutil is not None
        look = agent.look([*SHARED, *OWN], root_pid=agent.hello.pid)
        assert look.end is not None
        assert [note.reason for note in look.end.visibility if "collector" in note.reason] == []
        assert look.inet or look.items["interfaces"]
    finally:
        agent.close()


def test_the_child_is_gone_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "own_code", lambda: "another/00")
    agent = start()
    try:
        children = Path(f"/proc/{agent.hello.pid}/task/{agent.hello.pid}/children")
        deadline = time.monotonic() + 30
        while children.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert children.read_text() == ""
    finally:
        agent.close()


def test_the_core_comes_first() -> None:
    """HELLO must not wait until psutil is compiled."""
    files = {
        f"{name.replace('.', '/')}.py": b""
        for name in (
            "psutil._common",
            "podprobe_agent.collectors.fds",
            "podprobe_agent.capture",
            "podprobe_agent.serve",
        )
    }
    files |= {"podprobe_agent/__init__.py": b"", "psutil/__init__.py": b""}
    assert [name for name, _, _ in bundle._order(files)] == [
        "podprobe_agent",
        "podprobe_agent.serve",
        "podprobe_agent.capture",
        "podprobe_agent.collectors.fds",
        "psutil",
        "psutil._common",
    ]


def test_where_nothing_is_to_be_compiled_there_is_no_child() -> None:
    """A standard library that was compiled the plain way, as distributions do, is enough."""
    agent = start("import os\ndef fork(): os._exit(7)\nos.fork = fork\n")
    try:
        assert agent.look(["interfaces"]).items["interfaces"]
    finally:
        agent.close()


def test_nothing_is_written(tmp_path: Path) -> None:
    agent = start("", "-X", f"pycache_prefix={tmp_path}")
    try:
        agent.look([*SHARED, *OWN], root_pid=agent.hello.pid)
    finally:
        agent.close()
    assert list(tmp_path.iterdir()) == []


LATER = """
import contextlib, marshal, sys
compiled, loader, modules = marshal.loads(sys.stdin.buffer.read())
scope = {"__name__": "podprobe_agent.loader"}
exec(compile(loader, "loader.py", "exec"), scope)
delivery = scope["install"](compiled, modules)
import podprobe_agent.look
early = delivery.complete, "datetime" in sys.modules
with contextlib.suppress(ImportError):  # its extension is not there
    import psutil
late = [sys.modules[name].__spec__.loader is delivery for name in ("psutil._common", "datetime")]
print(*early, *late)
"""


def test_psutil_comes_after_a_pause() -> None:
    """Who looks once and leaves does not pay for compiling it; who stays gets it from the child all the same."""
    files = {**bundle._agent(), **psutil_source.find(platform.machine(), "glibc").modules}
    python = (sys.executable, "-I", "-S", "-B", "-X", "pycache_prefix=/nonexistent", "-c", LATER)
    done = subprocess.run(
        python, input=bundle._modules(files, compiled=False), capture_output=True, check=False, timeout=60
    )
    assert done.stdout.decode().split() == ["False", "False", "True", "True"], done.stderr.decode()


ORPHANS = """
import ctypes, os, sys, threading
from pathlib import Path
from podprobe.agents import bootstrap
from podprobe.agents.client import Agent
from podprobe.agents.process import ProcessStream
bootstrap.own_code = lambda: "another/00"
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: whoever is left behind becomes a child of ours
stream = ProcessStream((sys.executable, "-X", "pycache_prefix=/nonexistent", *bootstrap.COMMAND[1:]))
agent = Agent.start(stream, "web")
assert agent.look(["interfaces"]).items["interfaces"]
children = Path(f"/proc/{agent.hello.pid}/task/{agent.hello.pid}/children")
assert children.read_text().split(), "the child has ended too early for this test"
if sys.argv[1] == "end of stream":
    agent.close()
else:
    os.kill(agent.hello.pid, int(sys.argv[1]))
stream._process.wait()
print("left behind:", Path(f"/proc/self/task/{os.getpid()}/children").read_text().split(), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("end", ["end of stream", str(int(signal.SIGTERM))])
def test_no_child_is_left_to_the_application(end: str) -> None:
    """Its first process would have to reap it, and many do not."""
    done = subprocess.run(
        [sys.executable, "-c", ORPHANS, end], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "left behind: []\n", done.stderr
