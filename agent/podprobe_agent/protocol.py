"""The frames between client and agent: the one module that both sides import.

A stream carries frames and nothing else. Each has a fixed header and a payload::

    0      2      3      4         8        12
    | "PP" | kind | flags | request | length | payload ...

Integers are big-endian. `request` ties an answer to the request that asked for it; the client chooses it.
Payloads are JSON but for `ROWS` and `DATA`. With `FLAG_ZLIB` set, the payload is one zlib stream.

One request is answered by any number of `PART`, `ROWS` and `DATA` frames, then by one `END` or `ERROR`.
Several requests may be under way at once. Both sides send a `BEAT` where they have sent nothing else for `BEAT_SECONDS`
or a little more, and give the other up after `BEAT_TIMEOUT_SECONDS` without any frame: a cut exec stream does not
always reach the far side.
"""

from __future__ import annotations

import struct
import zlib

from podprobe_agent.lean import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 2
"""Raised with every change that the other side could not follow; an agent is always the client's own."""

MAGIC = b"PP"
HEADER = struct.Struct("!2sBBII")
PROBE_SOURCE = "127.80.80.80"
"""Where TCP probes to IPv4 loopback come from. All of 127.0.0.0/8 is the Pod's own; this address marks the probes'
connections, TIME_WAIT ones too, so that podprobe (anyone's) and whoever reads a socket table can tell them apart."""

MAX_PAYLOAD = 1 << 20
"""Largest payload on the wire, in bytes. A longer answer is sent in parts."""
MAX_INFLATED = 8 << 20
"""Largest payload after inflation, in bytes."""
MAX_REQUESTS = 8
"""Requests under way at once with one agent; each has a thread there."""

BEAT_SECONDS = 2.0
BEAT_TIMEOUT_SECONDS = 15.0

FLAG_ZLIB = 1

AGENT_TITLE = "podprobe-agent"
"""An argument of every agent's command line, so that agents know each other in a shared PID namespace."""
HOLDER_MARK = "podprobe[-]agent"
"""Part of the command line of the process that holds an agent's container open: it looks for agents by this
pattern, which does not match itself. What shares its mount namespace is podprobe's."""

# Kinds of frames.
HELLO = 1  # agent → client, JSON: who the agent is; always its first frame
REQUEST = 2  # client → agent, JSON: {"verb": ..., arguments}
PART = 3  # agent → client, JSON: {"area": ..., "items": [...]} or {"area": ..., "value": {...}}
ROWS = 4  # agent → client: one byte that names the format, then rows or messages of it
DATA = 5  # agent → client: bytes of a stream (a capture), in order
END = 6  # agent → client, JSON: {"visibility": [...], "duration_us": ...}
ERROR = 7  # agent → client, JSON: {"message": ...}; the request failed as a whole
BEAT = 8  # both ways, empty
CANCEL = 9  # client → agent, empty: end the request early; it still ends with END

KINDS = frozenset(range(HELLO, CANCEL + 1))

# Row formats of ROWS frames.
ROWS_INET = 1
"""`INET_ROW`s."""
ROWS_DIAG = 2
"""One byte for the IPPROTO number, then messages of sock_diag as the kernel sent them: `struct nlmsghdr`,
`struct inet_diag_msg`, attributes; none of them a control message, none cut off. Not even put in order: that costs the
client, not the Pod."""

INET_ROW = struct.Struct("<BBH72s36s232sQ")
"""One IP socket as the kernel told it.

Fields: IPPROTO number, length of tcp_info that the kernel filled (0: none), `ROW_…` flags,
`struct inet_diag_msg` (72 bytes), `SK_MEMINFO` (nine u32; zeros where absent), the first 232 bytes
of `struct tcp_info` (zero-filled), and the cgroup id (`INET_DIAG_CGROUP_ID`; 0 where the kernel told none).
"""

ROW_V6ONLY_KNOWN = 1
"""The kernel told whether the socket takes IPv6 only (`INET_DIAG_SKV6ONLY`: listeners and unconnected sockets)."""
ROW_V6ONLY = 2
"""It does."""


_WORTH_IT = 4096
"""Bytes from which a payload is compressed: of fewer, a look a second costs the Pod more CPU time than bytes."""


class ProtocolError(Exception):
    """The other side sent what no frame can be."""


class Frame(NamedTuple):
    """One frame, its payload inflated."""

    kind: int
    request: int
    payload: bytes


def encode(kind: int, request: int, payload: bytes = b"", compress: bool = False) -> bytes:
    """The bytes of one frame.

    Raises:
        ValueError: the payload is larger than `MAX_PAYLOAD` (after compression) or `MAX_INFLATED`.
    """
    flags = 0
    if len(payload) > MAX_INFLATED:
        raise ValueError(f"a frame's payload has {len(payload)} bytes; {MAX_INFLATED} are allowed")
    if compress and len(payload) > _WORTH_IT:
        # A window of 8 KiB and small tables: a fifth of the memory, and hardly larger for what repeats itself as this.
        packer = zlib.compressobj(1, zlib.DEFLATED, 13, 6)
        payload = packer.compress(payload) + packer.flush()
        flags |= FLAG_ZLIB
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a frame's payload has {len(payload)} bytes; {MAX_PAYLOAD} are allowed")
    return HEADER.pack(MAGIC, kind, flags, request, len(payload)) + payload


def _inflate(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(payload, MAX_INFLATED)
    except zlib.error as error:
        raise ProtocolError(f"a compressed frame does not inflate: {error}") from None
    # `eof` is the test for a whole stream that fits: a bomb stops at the limit with input left over.
    if not inflater.eof:
        raise ProtocolError(f"a compressed frame is cut short or inflates past {MAX_INFLATED} bytes")
    return inflated


class FrameDecoder:
    """Turns a stream of bytes, cut anywhere, into frames. Holds at most one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes and yield every frame that they complete.

        Raises:
            ProtocolError: the stream is no stream of frames; nothing after this point can be trusted.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            magic, kind, flags, request, length = HEADER.unpack_from(self._buffer)
            if magic != MAGIC or kind not in KINDS or flags & ~FLAG_ZLIB:
                raise ProtocolError(f"expected a frame, found {bytes(self._buffer[:40])!r}")
            if length > MAX_PAYLOAD:
                raise ProtocolError(f"a frame of {length} bytes was announced; {MAX_PAYLOAD} are allowed")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield Frame(kind, request, _inflate(payload) if flags & FLAG_ZLIB else payload)
