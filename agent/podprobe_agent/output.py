"""The way out: frames to standard output, from any thread, without ever holding more than is being written.

A thread that answers writes its frames itself, and so is held back while the client does not read: nothing
queues up. The main thread must never be held back (it notices the end of the stream and the signals), so it
writes its small frames only where there is room.
"""

from __future__ import annotations

import json
import os
import select
import threading
import time

from podprobe_agent import ending, protocol
from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

PART_BYTES = 128 << 10
"""A part is sent once it has grown to this, in bytes of JSON or rows."""
_GATHERED_BYTES = 32 << 10
"""Small frames of an answer wait for each other until they are this many bytes, or for the answer's end."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def dumps(value: Any) -> bytes:
    """Compact JSON. Lone surrogates, which undecodable file names become in Python, are replaced."""
    return _encode(value).encode("utf-8", "replace")


class Output:
    """Writes frames to a file descriptor.

    The descriptor may be blocking or not: whoever made it may share it with others, so its mode is left alone.

    Args:
        descriptor: where to.
        before_end: told of a request just before its END or ERROR goes out.
    """

    def __init__(self, descriptor: int, before_end: Callable[[int], object] | None = None) -> None:
        self.written_at = 0.0
        """When something was written last, on the clock of `time.monotonic`."""
        self._descriptor = descriptor
        self._before_end = before_end
        self._lock = threading.Lock()
        self._gathered: list[bytes] = []
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)

    def send(self, kind: int, request: int, payload: bytes = b"") -> None:
        """Write a frame; waits while the client does not read. Ends the agent where nobody reads any more.

        A part of a look may be held back until more has come, or its end: one call of the kernel's writes them all.
        """
        if self._before_end is not None and kind in (protocol.END, protocol.ERROR):
            self._before_end(request)
        frame = protocol.encode(kind, request, payload, compress=kind != protocol.BEAT)
        with self._lock:
            self._gathered.append(frame)
            if kind != protocol.PART or sum(map(len, self._gathered)) >= _GATHERED_BYTES:
                frames = b"".join(self._gathered)
                self._gathered.clear()
                self._write(frames)

    def send_json(self, kind: int, request: int, value: Any) -> None:
        """Write a frame of JSON."""
        self.send(kind, request, dumps(value))

    def beat(self) -> None:
        """Write a heartbeat if that takes no waiting. If it does, a frame is under way, which says as much."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._room.poll(0):
                self._write(protocol.encode(protocol.BEAT, 0))
        finally:
            self._lock.release()

    def _write(self, data: bytes) -> None:
        self.written_at = time.monotonic()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                self._room.poll()
            except OSError:
                # The stream is gone, and with it the only reason to be here.
                ending.leave(0)


class Rows(NamedTuple):
    """A piece of an answer that is not JSON."""

    head: bytes
    """What the payload of a frame begins with: the format, as `protocol` has it."""
    data: bytes
    number: int
    """Of rows or messages in it."""


class Parts:
    """Gathers what a collector yields into frames of a good size."""

    def __init__(self, output: Output, request: int, area: str) -> None:
        self._output = output
        self._request = request
        self._head = b'{"area":' + dumps(area) + b',"items":['
        self._pieces: list[bytes] = []
        self._size = 0
        self._rows = b""

    def add(self, piece: dict[str, Any] | Rows) -> None:
        """An item, or rows."""
        if isinstance(piece, Rows):
            if piece.head != self._rows:
                self.flush()
                self._rows = piece.head
            data = piece.data
        else:
            data = dumps(piece)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what has gathered."""
        if not self._pieces:
            return
        if self._rows:
            self._output.send(protocol.ROWS, self._request, self._rows + b"".join(self._pieces))
        else:
            self._output.send(protocol.PART, self._request, self._head + b",".join(self._pieces) + b"]}")
        self._pieces = []
        self._size = 0
