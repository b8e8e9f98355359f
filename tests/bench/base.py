"""What every benchmark yields, and how to time things fairly."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class SkippedError(Exception):
    """This machine lacks what the benchmark needs; the text says what."""


@dataclass(frozen=True)
class Measure:
    """One number, beside the same of a peer where there is one."""

    id: str
    """`P1` … `P12`; `P7a` where one has several."""
    what: str
    value: float
    unit: str
    peer: str = ""
    """What it is compared with, measured in the same run; empty where there is none."""
    peer_value: float | None = None
    target: str = ""
    """What is to be reached, in words: `≤ 0.4 s`, `≤ 3×`."""
    ok: bool | None = None
    """It was reached; `None` where nothing is to be."""

    @property
    def ratio(self) -> float | None:
        """How many times the peer's."""
        return self.value / self.peer_value if self.peer_value else None


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternately(rounds: int, *actions: Callable[[], object]) -> list[float]:
    """The median duration of each action in seconds, all taking turns: what disturbs the machine disturbs all."""
    taken: list[list[float]] = [[] for _ in actions]
    for action in actions:
        action()  # warm: files cached, bytecode compiled
    for _ in range(rounds):
        for times, action in zip(taken, actions, strict=True):
            times.append(seconds(action))
    return [statistics.median(times) for times in taken]


def program(arguments: Sequence[str]) -> Callable[[], object]:
    """An action that runs a program and throws its output away."""
    return lambda: subprocess.run(
        list(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
