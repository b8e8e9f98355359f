"""Messages of sock_diag as the kernel sent them to an agent (`linux/inet_diag.h`), laid out as rows.

A message is `struct inet_diag_msg` and a chain of attributes. Messages of a kind have the same attributes in the same
places, and mostly stand side by side: so one of each kind is walked (`_Layout`), and of all others it is only held
against that kind that their attributes' headers are the same, many in one call.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from podprobe_agent.protocol import INET_ROW, ROW_V6ONLY, ROW_V6ONLY_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("<IHHII")
_ATTRIBUTE = struct.Struct("<HH")
_ATTRIBUTE_TYPE = 0x3FFF
_MESSAGE_BYTES = 72
_LEAST_BYTES = _HEADER.size + _MESSAGE_BYTES
_MOST_BYTES = 4096
"""Of one message; the kernel's have less than 700."""
_MOST_LAYOUTS = 64

_INFO, _SKMEMINFO, _SKV6ONLY, _CGROUP_ID = 2, 7, 11, 21
_WANTED = {_SKMEMINFO: (36, 36), _INFO: (8, 232), _CGROUP_ID: (8, 8)}
"""What a row keeps, in its order: the least and the most bytes of it."""


class Messages(NamedTuple):
    """Messages of sockets of one protocol, one after the other."""

    protocol: int
    """IPPROTO number."""
    data: bytes


class MalformedError(ValueError):
    """It is no chain of messages."""


def check(data: bytes) -> int:
    """The number of messages in a piece.

    Raises:
        MalformedError: they do not follow each other, or one is shorter or longer than any of the kernel's.
    """
    return sum(count for _, _, count in _runs(data))


def rows(messages: Messages) -> Iterator[tuple[Any, ...]]:
    """Fields of `INET_ROW` of each message.

    Raises:
        MalformedError: see `check`.
    """
    layouts: dict[int, list[_Layout]] = {}
    view = memoryview(messages.data)
    for start, length, count in _runs(messages.data):
        run = view[start : start + length * count]
        known = layouts.setdefault(length, [])
        for layout in known:
            if layout.fits_all(run):
                yield from layout.rows(messages.protocol, run)
                break
        else:
            yield from _one_by_one(messages.protocol, run, length, known)


def _runs(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, length and number of messages of the same length that follow each other; together, all of the data."""
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < _HEADER.size:
            raise MalformedError(f"{end - offset} bytes after the last message")
        length = _HEADER.unpack_from(data, offset)[0]
        # The kernel sends no message whose length is no multiple of four, but pads its attributes.
        if not _LEAST_BYTES <= length <= _MOST_BYTES or length % 4 or offset + length > end:
            raise MalformedError(f"a message of {length} bytes, with {end - offset} left")
        start = offset
        offset += length
        while end - offset >= 4 and data[offset : offset + 4] == data[start : start + 4]:
            offset += length
        if offset > end:
            raise MalformedError("the last message is cut off")
        yield start, length, (offset - start) // length


def _one_by_one(
    protocol: int, run: memoryview, length: int, known: list[_Layout]
) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(run), length):
        message = run[start : start + length]
        for layout in known:
            if layout.fits_all(message):
                break
        else:
            layout = _Layout(message)
            known.append(layout)
            if len(known) > _MOST_LAYOUTS:
                del known[0]
        yield from layout.rows(protocol, message)


class _Layout:
    """Where messages of one kind have their attributes, and how to make rows of them."""

    def __init__(self, message: memoryview) -> None:
        form = [f"<{_HEADER.size}x{_MESSAGE_BYTES}s"]
        headers = [f"<{_LEAST_BYTES}x"]
        found: dict[int, int] = {}
        self._flags = self._told = 0
        offset, end = _LEAST_BYTES, len(message)
        while end - offset >= _ATTRIBUTE.size:
            size, kind = _ATTRIBUTE.unpack_from(message, offset)
            kind &= _ATTRIBUTE_TYPE
            if size < _ATTRIBUTE.size or offset + size > end:
                break
            content = size - _ATTRIBUTE.size
            padded = min((content + 3) & ~3, end - offset - _ATTRIBUTE.size)
            if kind == _SKV6ONLY and content:
                # One byte: of a kind with the header, so that the other value is another layout.
                value = message[offset + _ATTRIBUTE.size]
                self._flags = ROW_V6ONLY_KNOWN | (ROW_V6ONLY if value else 0)
                headers.append(f"IB{padded - 1}x")
            else:
                headers.append(f"I{padded}x")
            if kind in _WANTED and kind not in found and content >= _WANTED[kind][0]:
                taken = min(content, _WANTED[kind][1])
                form.append(f"4x{taken}s{padded - taken}x")
                found[kind] = len(found) + 1
                if kind == _INFO:
                    self._told = taken
            else:
                form.append(f"4x{padded}x")
            offset += _ATTRIBUTE.size + padded
        form.append(f"{end - offset}x")
        headers.append(f"{end - offset}x")
        self._headers = struct.Struct("".join(headers))
        self._expected = self._headers.unpack(message)
        self._fields = struct.Struct("".join(form))
        self._columns = [found.get(kind, 0) for kind in _WANTED]

    def fits_all(self, run: memoryview) -> bool:
        """All messages of a run have the attributes that this kind has, in the same places."""
        return set(self._headers.iter_unpack(run)) == {self._expected}

    def rows(self, protocol: int, run: memoryview) -> Iterator[tuple[Any, ...]]:
        """The rows of a run that fits."""
        memory, info, cgroup = self._columns
        for fields in self._fields.iter_unpack(run):
            yield (
                protocol,
                self._told,
                self._flags,
                fields[0],
                fields[memory] if memory else b"",
                fields[info] if info else b"",
                int.from_bytes(fields[cgroup], "little") if cgroup else 0,
            )


def packed(messages: Messages) -> bytes:
    """The rows, packed: zeros where the kernel told nothing."""
    return b"".join(INET_ROW.pack(*row) for row in rows(messages))
