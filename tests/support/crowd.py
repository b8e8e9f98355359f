"""A Pod of one container that is too large: thousands of processes, a volume with a million files.

Run by root, in namespaces of its own; it goes with its standard input. The processes are a program of 29 bytes that
forks and sleeps: each costs the kernel some 60 KiB, and no more.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psutil

from tests.support.loopback import ROOT

VOLUME = "/mnt"
_PROGRAMS = "/media"
"""Both are there on every machine (Filesystem Hierarchy Standard), and empty."""
_IN_ONE_DIRECTORY = 10_000
_BASE = 0x400000
_HEADERS = 64 + 56


def sleepers(count: int) -> bytes:
    """An ELF program for x86_64 that forks `count` times and sleeps, as its children do."""
    code = (
        b"\xbb" + struct.pack("<I", count)  # mov ebx, count
        + b"\xb8\x39\x00\x00\x00\x0f\x05"  # again: fork()
        + b"\x85\xc0\x74\x04"  # in the child: to sleep
        + b"\xff\xcb\x75\xf1"  # again, count times
        + b"\xb8\x22\x00\x00\x00\x0f\x05\xeb\xf7"  # sleep: pause(), for ever
    )  # fmt: skip
    size = _HEADERS + len(code)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 4096) + code


def _fill(files: int) -> None:
    """Empty files in the volume, ten thousand to a directory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=0,size=64m", "volume", VOLUME], check=True)
    for number in range(0, files, _IN_ONE_DIRECTORY):
        directory = Path(VOLUME, str(number))
        directory.mkdir()
        here = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        for name in range(min(_IN_ONE_DIRECTORY, files - number)):
            os.mknod(str(name), dir_fd=here)
        os.close(here)


def _multiply(processes: int) -> None:
    """Start the processes, and wait until they are all there or the kernel gives no more."""
    subprocess.run(["mount", "-t", "tmpfs", "program", _PROGRAMS], check=True)
    program = Path(_PROGRAMS, "sleeper")
    program.write_bytes(sleepers(processes - 1))
    program.chmod(0o755)
    subprocess.Popen(["sleeper"], executable=program)
    before = -1
    while (now := _count()) != before and now < processes:
        before = now
        time.sleep(0.5)


def _count() -> int:
    return sum(path.name.isdigit() for path in Path("/proc").iterdir())


def main(plan: dict[str, int]) -> None:
    """Make it, say how many processes there are, and wait."""
    if plan.get("files"):
        _fill(plan["files"])
    if plan.get("processes"):
        _multiply(plan["processes"])
    print(_count(), flush=True)
    sys.stdin.read()


class Crowd:
    """The Pod, for the length of a `with` block.

    Attributes:
        pid: of its first process, as this machine numbers it.
        processes: how many there really are.
    """

    def __init__(self, **plan: int) -> None:
        self._process = subprocess.Popen(
            [
                *(
                    "unshare",
                    "--net",
                    "--ipc",
                    "--uts",
                    "--pid",
                    "--mount",
                    "--fork",
                    "--mount-proc",
                    "--kill-child",
                ),
                *(sys.executable, "-m", "tests.support.crowd", json.dumps(plan)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the crowd could not be made")
        self.processes = int(line)
        self.pid = psutil.Process(self._process.pid).children()[0].pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def available() -> str | None:
    """Why there can be no crowd here, or `None`."""
    if os.geteuid():
        return "takes root"
    if platform.machine() != "x86_64":
        return "its program is for x86_64"
    if shutil.which("unshare") is None:
        return "util-linux is not installed"
    memory = psutil.virtual_memory().available
    return None if memory > 3 << 30 else f"takes 3 GiB of memory, and {memory >> 20} MiB are free"


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
