"""What is sent to make an agent: a zip of its Python, psutil's extension for its platform, and its arguments."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import podprobe_agent
from podprobe.agents import bootstrap, psutil_source
from podprobe_agent import loader

if TYPE_CHECKING:
    from podprobe.agents.bootstrap import Platform

_LICENSES = "psutil: BSD-3-Clause, Copyright (c) 2009, Jay Loden, Dave Daeschler, Giampaolo Rodola"


_building = threading.Lock()


def build(platform: Platform) -> bytes:
    """All that the bootstrap waits for, for one platform. Built once, in memory, however many ask at once.

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
    return bootstrap.answer(_zip(files), extension, json.dumps(arguments).encode())


def _agent() -> dict[str, bytes]:
    """The agent's own source by file name in the zip."""
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


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    order = "".join(f"{name}\t{file}\t{package:d}\n" for name, file, package in _order(files))
    files = {**files, loader.ORDER: order.encode()}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = _LICENSES.encode()
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
