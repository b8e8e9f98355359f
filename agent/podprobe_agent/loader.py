"""Imports modules that another process has compiled.

The agent arrives as source, for a Python that the client does not have, so it must be compiled here. A compiler
leaves a process several MiB larger than it was, and for an agent every MiB is the Pod's. So a child compiles all
modules, in the order in which they will be wanted, hands the code over by a pipe, and ends. This process takes from
the pipe what it imports, as it comes: it begins to serve before the last module is compiled.

Where no child can be had (a full `pids` limit), everything is imported from the zip instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import marshal
import os
import sys
import threading
import zipimport
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

ORDER = "order.json"
"""In the zip: its modules in the order to compile them, each ``[name, file, whether it is a package]``."""

FIRST = (
    "podprobe_agent",
    "podprobe_agent.start",
    "podprobe_agent.psutil_loader",
    "podprobe_agent.serve",
    "podprobe_agent.identity",
    "podprobe_agent.protocol",
    "podprobe_agent.errors",
    "podprobe_agent.output",
)
"""The modules that it takes to say HELLO."""

_SET_PIPE_SIZE = 1031
_PIPE_BYTES = 1 << 20
"""All code fits, so that the child need not wait for this process to take it. The most that is allowed to anyone."""


def install(path: str) -> Delivery | None:
    """Make the modules of the zip at `path` importable; call before there are threads, as it forks.

    Returns:
        What takes the code from the child, or `None` where there is no child.
    """
    archive = zipimport.zipimporter(path)
    order = json.loads(archive.get_data(f"{path}/{ORDER}"))
    source, sink = os.pipe()
    with contextlib.suppress(OSError):  # else the child waits now and then
        fcntl.fcntl(sink, _SET_PIPE_SIZE, _PIPE_BYTES)
    try:
        child = os.fork()
    except OSError:
        os.close(source)
        os.close(sink)
        sys.path.insert(0, path)
        return None
    if child == 0:
        os.close(source)
        _compile(archive, order, sink)
    os.close(sink)
    delivery = Delivery(archive, order, source, child)
    sys.meta_path.insert(0, delivery)
    return delivery


def compiled(archive: zipimport.zipimporter, file: str) -> CodeType:
    """Compile a module of the zip, without docstrings where this Python was told so."""
    source = archive.get_data(f"{archive.archive}/{file}")
    code: CodeType = compile(source, file, "exec", dont_inherit=True)
    return code


def _compile(archive: zipimport.zipimporter, order: list[tuple[str, str, bool]], sink: int) -> None:
    """The child: write each module's code. Does not return."""
    status = 1
    try:
        # The stream to the client is the parent's: it must end with the parent.
        os.close(0)
        os.close(1)
        for name, file, _ in order:
            rest = memoryview(marshal.dumps((name, marshal.dumps(compiled(archive, file)))))
            while rest:
                rest = rest[os.write(sink, rest) :]
        status = 0
    finally:
        os._exit(status)


class Delivery:
    """Finds and loads the modules whose code comes from the child."""

    def __init__(
        self, archive: zipimport.zipimporter, order: list[tuple[str, str, bool]], source: int, child: int
    ) -> None:
        self._archive = archive
        self._modules = {name: (file, package) for name, file, package in order}
        self._source = source
        self._pipe = os.fdopen(source, "rb")
        self._child = child
        self._lock = threading.Lock()
        self._arrived: dict[str, bytes] = {}
        self._complete = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        del path, target
        if name not in self._modules:
            return None
        return ModuleSpec(name, self, is_package=self._modules[name][1])  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `importlib.abc.Loader`; `None` leaves it to the import system."""
        del spec
        return None  # a value is declared

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        exec(self._code(module.__name__), module.__dict__)  # noqa: S102  # that is what a loader does

    def _code(self, name: str) -> CodeType:
        with self._lock:
            while name not in self._arrived and self._take():
                pass
            delivered = self._arrived.pop(name, None)
        if delivered is None:  # the child died, or this is imported a second time
            return compiled(self._archive, self._modules[name][0])
        code: CodeType = marshal.loads(delivered)  # noqa: S302  # from our own child
        return code

    def fileno(self) -> int:
        """Of the pipe. Once it can be read, `advance` does not wait long."""
        return self._source

    def advance(self) -> bool:
        """Take the next module's code off the pipe, so that the child gets on; false when that was all."""
        with self._lock:
            return self._take()

    def _take(self) -> bool:
        if self._complete:
            return False
        try:
            name, code = marshal.load(self._pipe)  # noqa: S302  # from our own child
            self._arrived[name] = code
        except (EOFError, ValueError, TypeError):
            self._complete = True
            # It has ended, is about to, or does so when it finds the pipe closed.
            self._pipe.close()
            os.waitpid(self._child, 0)
        return not self._complete
