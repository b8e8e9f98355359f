"""A real agent in a process of its own, as the client starts one in a Pod."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe.agents import bootstrap
from podprobe.agents.client import Agent
from podprobe.agents.process import ProcessStream

if TYPE_CHECKING:
    from collections.abc import Iterator


def pythons() -> dict[str, str]:
    """The Pythons of this machine that an agent may have to run on: version to program."""
    found = {f"3.{sys.version_info.minor}": sys.executable}
    for minor in range(9, 16):
        version = f"3.{minor}"
        installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
        program = str(installed[-1]) if installed else shutil.which(f"python{version}")
        if program and version not in found and _runs(program):
            found[version] = program
    return found


def _runs(program: str) -> bool:
    """It is a Python, and not a version manager's word that there is none."""
    return subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0


def start(program: str = sys.executable) -> ProcessStream:
    """A process that waits to become an agent."""
    return ProcessStream((program, *bootstrap.COMMAND[1:]))


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent.start(start(), "web")
    yield agent
    agent.close()
