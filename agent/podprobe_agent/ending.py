"""The agent's end. It holds nothing that the kernel does not take back, but for children.

The agent is in the PID namespace of the container that it looks at. A child that outlives it becomes a child of the
application's first process, and, where that one reaps no strangers, a zombie there for good.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_first: list[Callable[[], None]] = []


def before(action: Callable[[], None]) -> None:
    """Have something done before the end. It must not wait for anything that the agent itself does."""
    _first.append(action)


def settle() -> None:
    """Do what is to be done before the end."""
    while _first:
        _first.pop()()


def leave(status: int) -> None:
    """End at once. Does not return."""
    try:
        settle()
    finally:
        os._exit(status)
