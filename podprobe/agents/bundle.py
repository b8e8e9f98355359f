"""What is sent to make an agent: its modules, psutil's extension for its platform, and its arguments."""

from __future__ import annotations

import json
import marshal
import threading
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import podprobe_agent
from podprobe.agents import bootstrap, compiling, psutil_source
from podprobe_agent import loader

if TYPE_CHECKING:
    from podprobe.agents.bootstrap import Platform

_LOADER = "podprobe_agent.loader"
_building = threading.Lock()


def build(platform: Platform) -> bytes:
    """All that the bootstrap waits for, for one platform. Built once, in memory, however many ask at once.

    Modules are sent compiled where the platform's Python runs the same code as this one, and else as source: code of
    another Python would be misread there, and nobody could say into what.

    Without a psutil for the platform the agent is sent all the same: it then sees processes through /proc alone,
    and says so.
    """
    with _building:
        return _built(platform)


@cache
def _built(platform: Platform) -> bytes:
    arguments: dict[str, str]
    files = _agent()
    extension = b""
    try:
        psutil = psutil_source.find(platform.machine, platform.libc, platform.bits)
    except psutil_source.MissingError as error:
        arguments = {"psutil_error": str(error)}
    else:
        arguments = {"psutil": psutil.version}
        files.update(psutil.modules)
        extension = psutil.extension
    code = _modules(files, compiled=platform.code == bootstrap.own_code())
    return bootstrap.answer(code, extension, json.dumps(arguments).encode())


def _agent() -> dict[str, bytes]:
    """The agent's own source by file name."""
    package = Path(podprobe_agent.__file__).parent
    return {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for path in sorted(package.rglob("*.py"))
    }


def _order(files: dict[str, bytes]) -> list[tuple[str, str, bool]]:
    """Name, file and whether it is a package, of each module, in the order in which the agent will want them."""
    modules = []
    for file in files:
        package = file.endswith("/__init__.py")
        name = file.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        modules.append((name, file, package))
    first = {name: place for place, name in enumerate(loader.FIRST)}
    # What HELLO takes, the rest of the core, the collectors, psutil; a package before its modules.
    return sorted(
        modules,
        key=lambda one: (
            first.get(one[0], len(first)),
            one[0].startswith("psutil"),
            one[0].count("."),
            one[0],
        ),
    )


def _modules(files: dict[str, bytes], *, compiled: bool) -> bytes:
    """As the bootstrap reads them: whether they are compiled, the loader, and the others, each compressed."""
    contents = (
        compiling.compiled(files)
        if compiled
        else {file: zlib.compress(source) for file, source in files.items()}
    )
    rest: list[loader.Module] = []
    first = b""
    for name, file, package in _order(files):
        if name == _LOADER:
            first = zlib.decompress(contents[file])
        else:
            rest.append((name, package, contents[file]))
    return marshal.dumps((compiled, first, rest), 2)
