"""What the agent imports costs the Pod memory: what it does without, and what it has in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from podprobe_agent.lean import NamedTuple

AGENT = Path(__file__).parents[3] / "agent"


class Point(NamedTuple):
    x: int
    y: int = 7

    @property
    def far(self) -> bool:
        return self.x > 100


def test_named_tuples_are_as_those_of_the_library() -> None:
    assert (Point(1), Point(1).y, Point(200).far) == ((1, 7), 7, True)
    assert Point(3, y=4)._asdict() == {"x": 3, "y": 4}
    assert repr(Point(1)) == "Point(x=1, y=7)"
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Point(1).x = 2  # type: ignore[misc]


def test_no_module_of_the_agent_imports_what_it_does_without() -> None:
    names = [
        ".".join(file.relative_to(AGENT).with_suffix("").parts).removesuffix(".__init__")
        for file in sorted(AGENT.rglob("*.py"))
    ]
    program = """
import sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    __import__(name)
print(*sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, AGENT, *names], capture_output=True, text=True, check=True
    )
    loaded = set(said.stdout.split())
    assert "podprobe_agent.collectors.sockets" in loaded
    assert not loaded & {
        "typing",
        "asyncio",
        "logging",
        "dataclasses",
        "subprocess",
        "podprobe",
        "psutil",
        "ssl",
    }
