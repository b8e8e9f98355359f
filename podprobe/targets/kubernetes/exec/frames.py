"""Frames of RFC 6455: what a client sends, and what it has received."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Opcodes."""

MAX_FRAME = 4 << 20
"""Longest frame taken; API servers send at most 64 KiB."""


class FrameError(Exception):
    """A server does not send such a frame."""


def complete(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the complete frames off the front of what was received: opcode and payload. A server's are never masked.

    Raises:
        FrameError: one is masked, or longer than any.
    """
    while len(buffer) >= 2:
        opcode, length, start = buffer[0] & 15, buffer[1] & 127, 2
        if length == 126:
            start = 4
        elif length == 127:
            start = 10
        if len(buffer) < start:
            return
        if start > 2:
            length = int.from_bytes(buffer[2:start], "big")
        if length > MAX_FRAME or buffer[1] & 128:
            raise FrameError(f"a frame that cannot be ({length} bytes)")
        if len(buffer) < start + length:
            return
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        yield opcode, payload


def encode(opcode: int, payload: bytes) -> bytes:
    """One frame of a client's: final, and masked as RFC 6455 demands."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 128 | opcode, 128 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 128 | opcode, 128 | 126, length)
    else:
        head = struct.pack("!BBQ", 128 | opcode, 128 | 127, length)
    key = os.urandom(4)
    mask = (key * (length // 4 + 1))[:length]
    # As one large number: a loop over the bytes would take a hundred times as long.
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
    return head + key + masked
