"""An HTTP/1.1 answer (RFC 9112), read within a deadline: its status, and its body as far as it is wanted."""

from __future__ import annotations

import errno
import time

from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

_PIECE_BYTES = 64 << 10
_HEAD_BYTES = 256 << 10
"""Of a status line with its headers; also what chunks' sizes may take beside the body."""
_SIZE_BYTES = 4096
"""Of one chunk's size with its extensions."""
_STATUS_BYTES = 12
_BODILESS = ("204", "304")


class Answer(NamedTuple):
    """What came."""

    status: str
    """`200` and the like."""
    body: bytes
    whole: bool
    """The body ends here; else it goes on, and more was not wanted."""


class Incoming:
    """What a socket brings until a deadline.

    Args:
        sock: connected.
        deadline: on the clock of `time.monotonic`.
        most: bytes in all.
    """

    def __init__(self, sock: socket.socket, deadline: float, most: int) -> None:
        self.data = bytearray()
        self._sock = sock
        self._deadline = deadline
        self._most = most

    def more(self) -> bool:
        """Wait for more; false at the end of the stream.

        Raises:
            OSError: it does not come in time (`ETIMEDOUT`), is too much (`EPROTO`), or the connection broke.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "it does not answer in time")
        self._sock.settimeout(left)
        piece = self._sock.recv(_PIECE_BYTES)
        self.data += piece
        if len(self.data) > self._most:
            raise OSError(errno.EPROTO, "no HTTP answer")
        return bool(piece)


def read(sock: socket.socket, deadline: float, most: int, incoming: Incoming | None = None) -> Answer:
    """An answer, with `most` bytes of its body or a few more.

    Args:
        sock: on which it comes.
        deadline: for all of it, on the clock of `time.monotonic`.
        most: wanted of the body.
        incoming: what has come of it already.

    Raises:
        OSError: it does not come in time (`ETIMEDOUT`), is cut short (`EBADMSG`) or absent (`ECONNRESET`), is no HTTP
            (`EPROTO`), or the connection broke.
    """
    incoming = incoming or incoming_of(sock, deadline, most)
    end = 0
    while True:
        status, headers, end = _head(incoming, end)
        # What only says that the answer is still to come; 101 would be one that was not asked for.
        if status[0] != "1" or status == "101":
            break
    if status in _BODILESS:
        return Answer(status, b"", True)
    if headers.get(b"transfer-encoding", b"").lower().endswith(b"chunked"):
        return Answer(status, *_chunked(incoming, end, most))
    length = headers.get(b"content-length", b"")
    wanted = int(length) if length.isdigit() and len(length) < 20 else None
    return Answer(status, *_plain(incoming, end, wanted, most))


def incoming_of(sock: socket.socket, deadline: float, most: int) -> Incoming:
    """For an answer of whose body `most` bytes are wanted."""
    return Incoming(sock, deadline, most + _HEAD_BYTES + _PIECE_BYTES)


def _head(incoming: Incoming, start: int) -> tuple[str, dict[bytes, bytes], int]:
    """Status, headers by their names in small letters, and where they end."""
    data = incoming.data
    looked = start
    while True:
        _check(bytes(data[start : start + _STATUS_BYTES]))
        # Lines end with CR LF; every client takes LF alone as well.
        ends = [at for at in (data.find(b"\n\r\n", looked), data.find(b"\n\n", looked)) if at >= 0]
        if ends:
            break
        if len(data) - start > _HEAD_BYTES:
            raise OSError(errno.EPROTO, "no HTTP answer")
        looked = max(start, len(data) - 2)
        if not incoming.more():
            if len(data) == start:
                raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
            if len(data) - start < _STATUS_BYTES:
                raise OSError(errno.EPROTO, "no HTTP answer")
            raise OSError(errno.EBADMSG, "its answer is cut short")
    end = min(ends)
    first, *lines = bytes(data[start:end]).split(b"\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return first[9:12].decode("ascii"), headers, data.find(b"\n", end + 1) + 1


def _check(begin: bytes) -> None:
    """Raise where an answer that begins so is no HTTP; it may still be too short to tell."""
    proper = b"HTTP/1."
    if begin[: len(proper)] != proper[: len(begin)] or (
        len(begin) == _STATUS_BYTES and not begin[9:12].isdigit()
    ):
        raise OSError(errno.EPROTO, "no HTTP answer")


def _plain(incoming: Incoming, start: int, length: int | None, most: int) -> tuple[bytes, bool]:
    """A body of a known length, or one that ends with the connection."""
    data = incoming.data
    wanted = most if length is None else min(length, most)
    while len(data) - start < wanted:
        if not incoming.more():
            if length is not None:
                raise OSError(errno.EBADMSG, "its answer is cut short")
            return bytes(data[start:]), True
    return bytes(data[start : start + wanted]), length is not None and length <= most


def _chunked(incoming: Incoming, at: int, most: int) -> tuple[bytes, bool]:
    """A body in chunks: each after a line with its size, in hexadecimal; the last is empty."""
    data = incoming.data
    body = bytearray()
    while True:
        line = data.find(b"\n", at)
        if line < 0:
            if len(data) - at > _SIZE_BYTES:
                raise OSError(errno.EPROTO, "no HTTP answer")
            _need(incoming)
            continue
        size = bytes(data[at:line]).partition(b";")[0].strip()
        if not size or len(size) > 15 or size.strip(b"0123456789abcdefABCDEF"):
            raise OSError(errno.EPROTO, "no HTTP answer")
        length = int(size, 16)
        if length == 0:
            return bytes(body), True
        at = line + 1
        wanted = min(length, most - len(body))
        while len(data) - at < wanted:
            _need(incoming)
        body += data[at : at + wanted]
        if len(body) >= most:
            return bytes(body), False
        at += length
        # A line's end follows the chunk.
        while len(data) - at < 2:
            _need(incoming)
        at += 2 if data[at : at + 1] == b"\r" else 1


def _need(incoming: Incoming) -> None:
    if not incoming.more():
        raise OSError(errno.EBADMSG, "its answer is cut short")
