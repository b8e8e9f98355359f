"""Imports modules that came over the stream, and those of the standard library that are not compiled.

Where the client has the same kind of Python, the agent's modules arrive compiled. Else they arrive as source, and the
standard library of a slim image is often without compiled files, too. A compiler leaves a process many MiB larger than
it was, and for an agent every MiB is the Pod's. So a child compiles all that will be wanted, in that order, hands the
code over by a pipe, and ends. This process takes from the pipe what it imports, as it comes: it begins to serve before
the last module is compiled.

Where no child can be had (a full `pids` limit), everything is compiled here after all. Where nothing has to be
compiled, there is none.

This module imports only what every Python has built in or loaded already: what else it took would be compiled here.
"""

from __future__ import annotations

import _thread
import fcntl
import marshal
import os
import sys
import zlib

TYPE_CHECKING = False  # `typing` would be compiled here
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

    Module = tuple[str, bool, bytes]
    """Name, whether it is a package, and its code (marshalled) or its source, compressed."""

FIRST = (
    "podprobe_agent",
    "podprobe_agent.start",
    "podprobe_agent.psutil_loader",
    "podprobe_agent.serve",
    "podprobe_agent.identity",
    "podprobe_agent.lean",
    "podprobe_agent.ending",
    "podprobe_agent.protocol",
    "podprobe_agent.errors",
    "podprobe_agent.output",
)
"""The modules that it takes to say HELLO, and of the standard library:"""
_LIBRARY_FIRST = (
    "collections",
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
    *("array", "base64", "contextlib", "ctypes", "enum", "errno", "functools", "importlib", "mmap", "re"),
    *("socket", "stat"),
)
"""What the collectors and probes import. What is missing here costs memory, and nothing else."""
_LIBRARY_LAST = ("datetime", "glob", "pwd", "resource", "subprocess", "warnings")
"""What psutil imports, which nothing needs at the first look."""
_PAUSE_SECONDS = 1.5
"""Before that is compiled: by then an agent that was to look once has gone."""

_SET_PIPE_SIZE = 1031
_PIPE_BYTES = 1 << 20
"""Most of the code fits, so that the child hardly waits for this process. The most that is allowed to anyone."""

_Spec = type(sys.__spec__)
"""`importlib.machinery.ModuleSpec`, of which `importlib` would have to be compiled first."""
_import: Any = sys.modules["_frozen_importlib_external"]
"""Python's own import system, under the name by which it is always there."""


def install(compiled: bool, modules: Sequence[Module]) -> Delivery | None:
    """Make modules importable; call before there are threads, as it may fork.

    Args:
        compiled: they hold code of this very kind of Python, and not source.
        modules: in the order in which they will be wanted.

    Returns:
        What takes code from the child, or `None` where there is no child.
    """
    _take_what_is_compiled()
    wants_library = not _is_compiled("threading.py")
    delivery = Delivery(modules, compiled)
    # Behind the finders of what is built in, before that of files.
    sys.meta_path.insert(2, delivery)
    if compiled and not wants_library:
        return None
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
        return None
    if child == 0:
        os.close(source)
        sys.meta_path.remove(delivery)
        _serve_code(() if compiled else modules, sink)
    os.close(sink)
    delivery.expect(source, child)
    return delivery


def _take_what_is_compiled() -> None:
    """Have the import system take compiled files that keep their docstrings, where those without are not there.

    Distributions compile the standard library the plain way, and Python with `-OO` passes that by.
    """
    best = _import.cache_from_source

    def there(path: str, *rest: Any, **more: Any) -> str:
        own: str = best(path, *rest, **more)
        if rest or more or os.path.exists(own):
            return own
        plain: str = best(path, optimization="")
        return plain if os.path.exists(plain) else own

    _import.cache_from_source = there


def _is_compiled(file: str) -> bool:
    """The standard library's file is. One of it stands for all."""
    library = os.path.dirname(getattr(os, "__file__", ""))
    return os.path.exists(_import.cache_from_source(os.path.join(library, file)))


def _compiled(name: str, package: bool, source: bytes) -> CodeType:
    """Compile a module, without docstrings where this Python was told so."""
    file = name.replace(".", "/") + ("/__init__.py" if package else ".py")
    code: CodeType = compile(zlib.decompress(source), file, "exec", dont_inherit=True)
    return code


def _serve_code(modules: Sequence[Module], sink: int) -> None:
    """The child: write what is wanted, in its order. Does not return."""
    status = 1
    try:
        # The stream to the client is the parent's: it must end with the parent.
        os.close(0)
        os.close(1)
        _write(sink, _library(_LIBRARY_FIRST))
        _write(sink, _codes([one for one in modules if one[0] in FIRST]))
        _write(sink, _library(_LIBRARY_LATER))
        _write(sink, _codes([one for one in modules if one[0] not in FIRST and not _is_psutil(one)]))
        if _is_read(sink, _PAUSE_SECONDS):
            _write(sink, _library(_LIBRARY_LAST))
            _write(sink, _codes(filter(_is_psutil, modules)))
        status = 0
    finally:
        os._exit(status)


def _is_psutil(module: Module) -> bool:
    return module[0].partition(".")[0] == "psutil"


def _is_read(sink: int, seconds: float) -> bool:
    """Somebody still reads from the pipe after so long; false as soon as nobody does."""
    import select  # compiled by now, if there is anything to be compiled

    poller = select.poll()
    poller.register(sink, 0)  # POLLERR comes unasked
    return not poller.poll(seconds * 1000)


def _write(sink: int, records: Iterable[Any]) -> None:
    for record in records:
        rest = memoryview(marshal.dumps(record))
        while rest:
            rest = rest[os.write(sink, rest) :]


def _codes(modules: Iterable[Module]) -> Iterable[Any]:
    """Name and code of each module."""
    for name, package, source in modules:
        yield name, marshal.dumps(_compiled(name, package, source))


def _library(names: Sequence[str]) -> Iterable[Any]:
    """Of modules of the standard library and all that they import: which there are, then name and code of each.

    Importing them is how to find out, and in this process it costs nothing that lasts. A module that is not
    source (built in, an extension) is told too, so that the parent need not wait for it.
    """
    codes: dict[str, bytes] = {}
    before = set(sys.modules)
    loader = _import.SourceFileLoader
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
    """Finds and loads the modules that came over the stream, and those whose code comes from the child.

    Args:
        modules, compiled: as of `install`.
    """

    def __init__(self, modules: Sequence[Module], compiled: bool) -> None:
        self._packages = {name: package for name, package, _ in modules}
        self._sent = {name: content for name, _, content in modules}
        self._are_compiled = compiled
        self._known: dict[str, tuple[str, list[str] | None] | None] = {}
        self._lists = 0
        self._pipe: Any = None
        self._source = self._child = -1
        self._lock = _thread.allocate_lock()
        self._arrived: dict[str, bytes] = {}
        self._complete = True

    def expect(self, source: int, child: int) -> None:
        """Code comes from a pipe, written by a child."""
        self._pipe = os.fdopen(source, "rb")
        self._source, self._child = source, child
        self._complete = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        del path, target
        if name in self._packages:
            return _Spec(name, self, is_package=self._packages[name])  # type: ignore[arg-type]  # no base class
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
        name = module.__name__
        exec(self._code(name), module.__dict__)  # noqa: S102  # that is what a loader does
        self._sent.pop(name, None)

    def _code(self, name: str) -> CodeType:
        if self._are_compiled and name in self._sent:
            return _unmarshalled(zlib.decompress(self._sent[name]))
        with self._lock:
            while name not in self._arrived and self._take():
                pass
            delivered = self._arrived.pop(name, None)
        if delivered is not None:
            return _unmarshalled(delivered)
        # There is no child, or it died.
        if name not in self._sent:
            found = self._known[name]
            assert found
            code: CodeType = _import.SourceFileLoader(name, found[0]).get_code(name)
            return code
        return _compiled(name, self._packages[name], self._sent[name])

    def fileno(self) -> int:
        """Of the pipe, open or closed. Once it can be read, `advance` does not wait long."""
        return self._source

    @property
    def complete(self) -> bool:
        """All has come; the pipe is closed."""
        return self._complete

    def advance(self) -> bool:
        """Take the next module's code off the pipe, so that the child gets on; false when that was all."""
        with self._lock:
            return self._take()

    def end(self) -> None:
        """End the child before this process ends, and reap it. May be called in the middle of anything here."""
        if self._complete:
            return
        try:
            os.kill(self._child, 9)
            os.waitpid(self._child, 0)
        except OSError:
            pass  # it has ended, and another thread has reaped it

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
            # It has ended, is about to, or does so when it finds the pipe closed.
            self._pipe.close()
            try:  # noqa: SIM105  # contextlib may not be here yet
                os.waitpid(self._child, 0)
            except OSError:
                pass  # `end` has reaped it
            self._complete = True
        return not self._complete


def _unmarshalled(data: bytes) -> CodeType:
    code: CodeType = marshal.loads(data)  # noqa: S302  # from our own child, or from the client with all the rest
    return code
