"""The fuzzer's beginnings, cut and changed a little, and every input that once broke something; without the fuzzer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.targets import TARGETS, Target

FOUND = Path(__file__).parent / "found"
CASES = [(name, path) for name in TARGETS for path in sorted((FOUND / name).glob("*"))]

# In a process of its own: the targets put inputs in the place of /proc.
CHILD = """
import sys
from pathlib import Path
from tests.fuzz.targets import TARGETS
from tests.fuzz.test_found import changed
name, *paths = sys.argv[1:]
run = TARGETS[name].make()
inputs = [Path(path).read_bytes() for path in paths] or list(changed(TARGETS[name]))
for data in inputs:
    try:
        run(data)
    except BaseException:
        print(repr(data), file=sys.stderr)
        raise
print(len(inputs))
"""


def changed(target: Target) -> list[bytes]:
    """The seeds, and some that are not quite."""
    random = Random(1)
    inputs = [b""]
    for seed in target.seeds():
        short = seed[: target.most_bytes]
        inputs += [seed, short, short[: len(short) // 2]]
        for _ in range(10):
            data = bytearray(short)
            for _ in range(random.randint(1, 4)):
                data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0xFF, random.randrange(256)))
            inputs.append(bytes(data))
    return inputs


def run(name: str, *paths: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, name, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout)


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_begins_with_is_read_or_refused(name: str) -> None:
    assert run(name) > 10


@pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{name}-{path.name}" for name, path in CASES])
def test_what_once_broke_something_no_longer_does(name: str, path: Path) -> None:
    assert run(name, path) == 1
