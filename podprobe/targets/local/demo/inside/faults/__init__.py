"""The faults that the demo Pod can have: one module each, found by its name.

A module has a docstring (what it makes, which finding shows it), and

- `FINDINGS`: the codes of the findings that show it;
- `ACTORS`: container name to a function that makes the fault as a process of its own in that container; it calls its
  argument when all is in place, and then stays;
- `declare(pod, inodes)`, where the Pod's manifest has to change with it; `inodes` limits those of volumes.

A program that plays a part itself looks for the fault's name among the active ones.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping


Actor = Callable[[Callable[[], None]], None]


class Fault(Protocol):
    """What a fault's module looks like."""

    __doc__: str | None
    FINDINGS: tuple[str, ...]
    ACTORS: Mapping[str, Actor]
    declare: Callable[[dict[str, Any], dict[str, int]], None]


NAMES = (
    "retransmits",
    "port-conflict",
    "inodes-full",
    "leaked-segment",
    "zombies",
)
DEFAULT = ("retransmits", "port-conflict", "inodes-full", "leaked-segment", "zombies")
"""What the demo Pod has where nothing else is said."""


def load(name: str) -> Fault:
    """A fault's module."""
    return cast("Fault", importlib.import_module(f".{name.replace('-', '_')}", __name__))


def spec_of(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """A container's spec in a Pod."""
    specs: list[dict[str, Any]] = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return next(spec for spec in specs if spec["name"] == name)
