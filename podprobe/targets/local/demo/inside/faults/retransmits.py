"""Segments are lost on loopback: a filter on `app`'s connections drops one in sixteen that arrive.

The kernel's own TCP then sends them again, after its own timeouts. Shows TCP101 (and slow tails: TCP104, TCP105).
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from . import Actor

NAME = "retransmits"
FINDINGS = ("TCP101",)
ACTORS: dict[str, Actor] = {}  # `app` itself calls `spoil`

SHARE = 1 / 16
_SOL_SOCKET = 1
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_LOAD_ABSOLUTE = 0x20
_RANDOM = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM
_JUMP_IF_GREATER = 0x25
_RETURN = 0x06


def spoil(connection: socket.socket, share: float = SHARE) -> None:
    """Let a socket lose a share of what it receives. Needs no privilege.

    Args:
        connection: the socket; those that a listener accepts have its filter as well.
        share: of the segments, 0 to 1.
    """
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD_ABSOLUTE, 0, 0, _RANDOM),
            (_JUMP_IF_GREATER, 0, 1, int((1 - share) * 0xFFFFFFFF)),
            (_RETURN, 0, 0, 0),
            (_RETURN, 0, 0, 0xFFFF),
        )
    )
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    connection.setsockopt(_SOL_SOCKET, _SO_ATTACH_FILTER, header)


def repair(connection: socket.socket) -> None:
    """Take a socket's filter off again."""
    connection.setsockopt(_SOL_SOCKET, _SO_DETACH_FILTER, 0)
