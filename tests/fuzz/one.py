"""Fuzz one target in this process: ``python -m tests.fuzz.one NAME CORPUS… [libFuzzer's options]``."""

from __future__ import annotations

import sys

import atheris

from tests.fuzz.targets import TARGETS


def main(name: str, arguments: list[str]) -> None:
    """Does not return: libFuzzer ends the process."""
    with atheris.instrument_imports(include=["podprobe", "podprobe_agent"], enable_loader_override=False):
        run = TARGETS[name].make()
    atheris.Setup([sys.argv[0], *arguments], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
