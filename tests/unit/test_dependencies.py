"""What podprobe imports is what it declares: a dependency of a dependency may go with its next release."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

from tests.support.loopback import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = {"podprobe", "podprobe_agent"}


def _imported() -> Iterator[str]:
    for file in (ROOT / "podprobe").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (one.name.partition(".")[0] for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def _plain(requirement: str) -> str:
    """The name of a distribution as the index compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[ ;]", requirement)[0]).lower()


def test_every_import_is_a_dependency_and_every_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for group in project["optional-dependencies"].values() for one in group]
    declared = {_plain(one) for one in [*project["dependencies"], *extras]}
    where = packages_distributions()
    foreign = set(_imported()) - set(sys.stdlib_module_names) - _OURS
    used = {_plain(where[name][0]) for name in foreign if len(where[name]) == 1}
    # A namespace that several distributions share: each of them is declared, or the import fails in a test.
    shared = {_plain(one) for name in foreign if len(where[name]) > 1 for one in where[name]}
    assert used <= declared
    assert declared <= used | shared | {"psutil"}, "psutil is what is sent to the Pod"
