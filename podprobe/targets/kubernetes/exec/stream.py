"""A running process's standard streams, as frames on a socket.

Of the channels in a frame's first byte, 0 is standard input, 1 and 2 are output and errors, 3 is the exit status as a
`Status` object, and 255 (v5) closes the channel that it names.
"""

from __future__ import annotations

import collections
import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from typing import Any

import msgspec

from podprobe.agents.stream import StreamClosedError
from podprobe.targets.kubernetes.exec import frames

_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE_CHANNEL = 0, 1, 2, 3, 255
_CHUNK = 32 << 10
"""Bytes of one frame that we send, and of one read."""
_TAIL = 4096
"""Bytes of standard error that are kept."""
_MAX_STATUS = 64 << 10
_PONG_SECONDS = 15.0
_NOT_TAKEN = "what was sent was not taken in time"


class ExecStream:
    """A running process's standard streams. Implements `podprobe.agents.stream.Stream`.

    One thread may read while another writes. Nothing is read ahead: what the caller does not take stays in the
    sockets, and in the end in the process's pipe.

    Args:
        sock: connected, its handshake done.
        v5: the server understands that a channel is closed.
    """

    def __init__(self, sock: socket.socket, *, v5: bool) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._fileno = sock.fileno()
        self._v5 = v5
        # OpenSSL's connection must not be used by two threads at once. Calls under this lock never wait.
        self._io = threading.Lock()
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._received = bytearray()
        self._output: collections.deque[bytes] = collections.deque()
        self._errors = bytearray()
        self._status = bytearray()
        self._channel = -1
        self._pong = b""
        self._ended = False
        self._closed = False
        self._broke = ""

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of `data` to standard input; waits while the far side does not take it.

        Raises:
            StreamClosedError: the stream is gone, or not all was taken within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        view = memoryview(data)
        if not self._writing.acquire(timeout=max(0.0, timeout)):
            self._end(said=_NOT_TAKEN)
            raise StreamClosedError(self.diagnosis())
        try:
            for start in range(0, len(view), _CHUNK):
                self._answer_ping(deadline)
                piece = bytes((_STDIN,)) + bytes(view[start : start + _CHUNK])
                self._send(frames.encode(frames.BINARY, piece), deadline)
        finally:
            self._writing.release()

    def read(self, timeout: float) -> bytes | None:
        """Some bytes of standard output, `b""` at its end, `None` after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._reading:
            while True:
                if self._output:
                    return self._output.popleft()
                if self._ended or self._closed:
                    return b""
                data = self._receive(deadline)
                if data is None:
                    return None
                self._take(data)

    def diagnosis(self) -> str:
        """The end of standard error, and how the process or the connection ended."""
        said = bytes(self._errors).decode(errors="replace").strip()
        return "; ".join(part for part in (said, self._exit(), self._broke) if part)

    @property
    def exit_code(self) -> int | None:
        """Of the process; `None` while it runs, and where it never ran."""
        try:
            status = msgspec.json.decode(bytes(self._status), type=dict[str, Any])
        except msgspec.DecodeError:
            return None
        if status.get("status") == "Success":
            return 0
        for cause in (status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdecimal():
                return int(cause["message"])
        return None

    def close(self) -> None:
        """End the stream. The process's standard input ends with it."""
        with self._io:
            if self._closed:
                return
            self._closed = True
            # Best effort, without waiting. In the middle of another thread's frame it would be no frame at all.
            if not self._writing.locked():
                with contextlib.suppress(OSError):
                    if self._v5:
                        self._socket.send(frames.encode(frames.BINARY, bytes((_CLOSE_CHANNEL, _STDIN))))
                    self._socket.send(frames.encode(frames.CLOSE, struct.pack("!H", 1000)))
            with contextlib.suppress(OSError):
                # Wakes a thread that waits in poll().
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _exit(self) -> str:
        if not self._status:
            return ""
        code = self.exit_code
        if code is not None:
            return "" if code == 0 else f"it ended with exit status {code}"
        try:
            return str(msgspec.json.decode(bytes(self._status), type=dict[str, Any]).get("message", ""))
        except msgspec.DecodeError:
            return bytes(self._status[:300]).decode(errors="replace")

    def _send(self, frame: bytes, deadline: float) -> None:
        rest = memoryview(frame)
        while rest:
            with self._io:
                if self._closed or self._ended:
                    raise StreamClosedError(self.diagnosis() or "the stream is closed")
                try:
                    rest = rest[self._socket.send(rest) :]
                    continue
                except ssl.SSLWantReadError:
                    waits = select.POLLIN
                except (ssl.SSLWantWriteError, BlockingIOError):
                    waits = select.POLLOUT
                except OSError as error:
                    self._end(error)
                    raise StreamClosedError(self.diagnosis()) from None
            left = deadline - time.monotonic()
            if left <= 0:
                self._end(said=_NOT_TAKEN)
                raise StreamClosedError(self.diagnosis())
            self._wait(waits, min(left, 1.0))

    def _answer_ping(self, deadline: float) -> None:
        pong, self._pong = self._pong, b""
        if pong:
            self._send(pong, deadline)

    def _receive(self, deadline: float) -> bytes | None:
        while True:
            with self._io:
                if self._closed:
                    return b""
                try:
                    return self._socket.recv(_CHUNK)
                except ssl.SSLWantWriteError:
                    waits = select.POLLOUT
                except (ssl.SSLWantReadError, BlockingIOError):
                    waits = select.POLLIN
                except OSError as error:
                    self._end(error)
                    return b""
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._wait(waits, left)

    def _wait(self, events: int, seconds: float) -> None:
        poller = select.poll()
        poller.register(self._fileno, events)
        poller.poll(max(0.0, seconds) * 1000)

    def _end(self, error: OSError | None = None, said: str = "") -> None:
        if not self._ended and not self._closed:
            self._broke = said or (f"the connection broke: {error.strerror or error}" if error else "")
        self._ended = True

    def _take(self, data: bytes) -> None:
        if not data:
            # The server closes with a frame; without one, something on the way did.
            self._end(said="" if self._status else "the connection was cut")
            return
        self._received += data
        try:
            for opcode, payload in frames.complete(self._received):
                self._handle(opcode, payload)
        except frames.FrameError as error:
            self._end(said=f"the API server sent {error}")

    def _handle(self, opcode: int, payload: bytes) -> None:
        if opcode in (frames.BINARY, frames.TEXT, frames.CONTINUATION):
            self._deliver(payload, begins=opcode != frames.CONTINUATION)
        elif opcode == frames.PING:
            self._pong = frames.encode(frames.PONG, payload)
            # A writer that waits for the far side must not keep us from reading: it answers in our place.
            if self._writing.acquire(blocking=False):
                try:
                    with contextlib.suppress(StreamClosedError):
                        self._answer_ping(time.monotonic() + _PONG_SECONDS)
                finally:
                    self._writing.release()
        elif opcode == frames.CLOSE and not self._ended:
            reason = payload[2:].decode(errors="replace")
            code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
            ordered = code in (1000, 1005) or self._status
            self._end(said="" if ordered else f"the API server ended the stream ({code}) {reason}".strip())

    def _deliver(self, payload: bytes, *, begins: bool) -> None:
        if begins:
            self._channel = payload[0] if payload else -1
            payload = payload[1:]
        if not payload:
            return
        if self._channel == _STDOUT:
            self._output.append(payload)
        elif self._channel == _STDERR:
            self._errors += payload
            del self._errors[:-_TAIL]
        elif self._channel == _STATUS and len(self._status) < _MAX_STATUS:
            self._status += payload
