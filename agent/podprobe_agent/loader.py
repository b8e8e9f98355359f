"""Imports modules that another process has compiled.

The agent arrives as source, for a Python that the client does not have; and the standard library of a slim image is
often without compiled files, too. A compiler leaves a process many MiB larger than it was, and for an agent every MiB
is the Pod's. So a child compiles all that will be wanted, in that order, hands the code over by a pipe, and ends.
This process takes from the pipe what it imports, as it comes: it begins to serve before the last module is compiled.

Where no child can be had (a full `pids` limit), everything is compiled here after all.

This module itself is compiled here, and imports only what every Python has built in or loaded already.
"""

from __future__ import annotations

import _thread
import fcntl
import marshal
import os
import sys
import zipimport

TYPE_CHECKING = False  # `typing` would be compiled here
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

ORDER = "order.txt"
"""In the zip: its modules in the order to compile them, a line each: name, file, `1` for a package."""

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
"""The modules that it takes to say HELLO, and of the standard library:"""
_LIBRARY_FIRST = (
    "typing",
    "json",
    "threading",
    "select",
    "signal",
    "struct",
    "zlib",
    "importlib.util",
    "time",
)
_LIBRARY_LATER = (
    *(
        "array",
        "base64",
        "collections",
        "contextlib",
        "ctypes",
        "datetime",
        "enum",
        "errno",
        "functools",
        "glob",
    ),
    *("mmap", "operator", "platform", "pwd", "re", "resource", "socket", "stat", "subprocess", "warnings"),
)
"""What the collectors, probes and psutil import. What is missing here costs memory, and nothing else."""

_SET_PIPE_SIZE = 1031
_PIPE_BYTES = 1 << 20
"""Most of the code fits, so that the child hardly waits for this process. The most that is allowed to anyone."""

_Spec = type(sys.__spec__)
"""`importlib.machinery.ModuleSpec`, of which `importlib` would have to be compiled first."""


def install(path: str) -> Delivery | None:
    """Make the modules of the zip at `path` importable; call before there are threads, as it forks.

    Returns:
        What takes the code from the child, or `None` where there is no child.
    """
    archive = zipimport.zipimporter(path)
    lines = archive.get_data(f"{path}/{ORDER}").decode().splitlines()
    order = [(name, file, package == "1") for name, file, package in (line.split("\t") for line in lines)]
    source, sink = os.pipe()
    try:  # noqa: SIM105  # contextlib would be compiled here
        fcntl.fcntl(sink, _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        pass  # then the child waits now and then
    try:
        child = os.fork()
    except OSError:
        os.close(source)
        os.close(sink)
        sys.path.insert(0, path)
        return None
    if child == 0:
        os.close(source)
        _serve_code(archive, order, sink)
    os.close(sink)
    delivery = Delivery(archive, order, source, child)
    # Behind the finders of what is built in, before that of files.
    sys.meta_path.insert(2, delivery)
    return delivery


def compiled(archive: zipimport.zipimporter, file: str) -> CodeType:
    """Compile a module of the zip, without docstrings where this Python was told so."""
    source = archive.get_data(f"{archive.archive}/{file}")
    code: CodeType = compile(source, file, "exec", dont_inherit=True)
    return code


def _serve_code(archive: zipimport.zipimporter, order: list[tuple[str, str, bool]], sink: int) -> None:
    """The child: write what is wanted, in its order. Does not return."""
    status = 1
    try:
        # The stream to the client is the parent's: it must end with the parent.
        os.close(0)
        os.close(1)
        _write(sink, _library(_LIBRARY_FIRST))
        _write(sink, _modules(archive, [one for one in order if one[0] in FIRST]))
        _write(sink, _library(_LIBRARY_LATER))
        _write(sink, _modules(archive, [one for one in order if one[0] not in FIRST]))
        status = 0
    finally:
        os._exit(status)


def _write(sink: int, records: Iterable[Any]) -> None:
    for record in records:
        rest = memoryview(marshal.dumps(record))
        while rest:
            rest = rest[os.write(sink, rest) :]


def _modules(archive: zipimport.zipimporter, order: list[tuple[str, str, bool]]) -> Iterable[Any]:
    """Name and code of each module."""
    for name, file, _ in order:
        yield name, marshal.dumps(compiled(archive, file))


def _library(names: Sequence[str]) -> Iterable[Any]:
    """Of modules of the standard library and all that they import: which there are, then name and code of each.

    Importing them is how to find out, and in this process it costs nothing that lasts. A module that is not
    source (built in, an extension) is told too, so that the parent need not wait for it.
    """
    codes: dict[str, bytes] = {}
    before = set(sys.modules)
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader
    get_code = loader.get_code

    def keep(self: Any, name: str) -> Any:
        code = get_code(self, name)
        codes[name] = marshal.dumps(code)
        return code

    loader.get_code = keep
    try:
        for name in names:
            try:
                __import__(name)
            except ImportError:
                continue
    finally:
        loader.get_code = get_code
    known: dict[str, Any] = {name: None for name in sys.modules if name not in before}
    for name in codes:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        known[name] = (spec.origin, spec.submodule_search_locations) if spec else None
    yield known
    for name, code in codes.items():
        if known[name]:
            yield name, code


class Delivery:
    """Finds and loads the modules whose code comes from the child."""

    def __init__(
        self, archive: zipimport.zipimporter, order: list[tuple[str, str, bool]], source: int, child: int
    ) -> None:
        self._archive = archive
        self._modules = {name: (file, package) for name, file, package in order}
        self._known: dict[str, tuple[str, list[str] | None] | None] = {}
        self._lists = 0
        self._source = source
        self._pipe = os.fdopen(source, "rb")
        self._child = child
        self._lock = _thread.allocate_lock()
        self._arrived: dict[str, bytes] = {}
        self._complete = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        del path, target
        if name in self._modules:
            return _Spec(name, self, is_package=self._modules[name][1])  # type: ignore[arg-type]  # no base class
        with self._lock:
            # Until both lists of the library have come, a name that is in none may be in the next.
            while name not in self._known and self._lists < 2 and self._take():
                pass
            found = self._known.get(name)
            if found is None or (name not in self._arrived and self._complete):
                return None
        origin, places = found
        spec = _Spec(name, self, origin=origin, is_package=places is not None)  # type: ignore[arg-type]
        spec.submodule_search_locations = places
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `importlib.abc.Loader`; `None` leaves it to the import system."""
        del spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        exec(self._code(module.__name__), module.__dict__)  # noqa: S102  # that is what a loader does

    def _code(self, name: str) -> CodeType:
        with self._lock:
            while name not in self._arrived and self._take():
                pass
            delivered = self._arrived.pop(name, None)
        if delivered is None:  # the child died, or this is imported a second time
            if name not in self._modules:
                raise ImportError(f"{name} was announced, but did not come")
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
            record = marshal.load(self._pipe)  # noqa: S302  # from our own child
            if isinstance(record, dict):
                self._known.update(record)
                self._lists += 1
            else:
                self._arrived[record[0]] = record[1]
        except (EOFError, ValueError, TypeError):
            self._complete = True
            # It has ended, is about to, or does so when it finds the pipe closed.
            self._pipe.close()
            os.waitpid(self._child, 0)
        return not self._complete
