"""A stream to a process of this machine: agents of local targets, and of the tests."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from podprobe.agents.stream import StreamClosedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_READ_BYTES = 256 << 10
_STDERR_BYTES = 4 << 10
_GRACE_SECONDS = 1.0
_WRITER_SECONDS = 0.1


class ProcessStream:
    """Standard input and output of a child process. Its standard error is kept for `diagnosis`, the last 4 KiB.

    Args:
        arguments: the program and its arguments.
        environment: instead of this process's.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            bufsize=0,
            # Ctrl-C in the terminal is for podprobe, which then ends its agents itself.
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._input = self._process.stdin.fileno()
        os.set_blocking(self._input, False)
        self._output = self._process.stdout.fileno()
        self._error = self._process.stderr.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._selector.register(self._error, selectors.EVENT_READ)
        self._said = b""
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._closed = threading.Event()

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of `data`; see `podprobe.agents.stream.Stream`."""
        deadline = time.monotonic() + timeout
        if not self._writing.acquire(timeout=max(0.0, timeout)):
            raise StreamClosedError(f"the process took nothing for {timeout:.0f} s")
        try:
            self._write(memoryview(data), deadline, timeout)
        finally:
            self._writing.release()

    def _write(self, rest: memoryview, deadline: float, timeout: float) -> None:
        room = select.poll()
        room.register(self._input, select.POLLOUT)
        while rest:
            if self._closed.is_set():
                raise StreamClosedError("the stream was closed")
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise StreamClosedError(
                        f"the process did not take what it was sent within {timeout:.0f} s"
                    ) from None
                room.poll(min(left, 1.0) * 1000)
            except OSError as error:
                raise StreamClosedError(f"the process has ended: {error.strerror}") from None

    def read(self, timeout: float) -> bytes | None:
        """What has arrived; see `podprobe.agents.stream.Stream`."""
        deadline = time.monotonic() + timeout
        with self._reading:
            while not self._closed.is_set():
                ready = {key.fd for key, _ in self._selector.select(max(0.0, deadline - time.monotonic()))}
                if self._output in ready:
                    return os.read(self._output, _READ_BYTES)
                if not ready:
                    return None
                self._hear()
            return b""

    def _hear(self) -> None:
        said = os.read(self._error, 64 << 10)
        self._said = (self._said + said)[-_STDERR_BYTES:]
        if not said:
            self._selector.unregister(self._error)

    def diagnosis(self) -> str:
        """The end of its standard error, and how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
        with self._reading:
            if not self._closed.is_set():
                while any(key.fd == self._error for key, _ in self._selector.select(0)):
                    self._hear()
        status = self._process.poll()
        ended = (
            "" if status is None else f"exit status {status}" if status >= 0 else f"ended by signal {-status}"
        )
        return "; ".join(part for part in (self._said.decode("utf-8", "replace").strip(), ended) if part)

    def close(self) -> None:
        """End the process; see `podprobe.agents.stream.Stream`."""
        if self._closed.is_set():
            return
        self._closed.set()
        assert self._process.stdin
        # An agent ends with its input, and whatever started it (nsenter) then reaps it. Where that does not do, SIGTERM
        # unblocks a writer and a reader in other threads: both see their pipe end.
        if self._writing.acquire(timeout=_WRITER_SECONDS):
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._writing.release()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_SECONDS)
        self._process.terminate()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._writing, self._reading:
            self._selector.close()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe:
                    pipe.close()
