"""TCP and UDP sockets from /proc/net/{tcp,tcp6,udp,udp6}, where the kernel or a sandbox has no sock_diag.

They come as the same rows, but without `tcp_info`, memory and cgroup id, which those files do not have.
"""

from __future__ import annotations

import struct

from podprobe_agent.output import Rows
from podprobe_agent.protocol import INET_ROW, ROWS_INET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe_agent.collectors.context import Context

_PATH = "/proc/net/"
_BATCH = 500
_NO_COOKIE = (0xFFFFFFFF, 0xFFFFFFFF)
_NO_MEMORY = bytes(36)
_NO_INFO = bytes(232)

_MESSAGE = struct.Struct("=BBBB2s2s16s16sIIIIIIII")
"""`struct inet_diag_msg`: ports are in network byte order, addresses as on the wire."""


def collect(context: Context, table: str, protocol: int, family: int, refusal: OSError) -> Iterator[Rows]:
    """Rows of one of the files, with a note that they are a makeshift.

    Args:
        context: of the look.
        table: `tcp`, `tcp6`, `udp` or `udp6`.
        protocol: its IPPROTO number.
        family: its address family.
        refusal: how the kernel refused the better way.
    """
    try:
        for piece in read(context, table, protocol, family):
            yield Rows(bytes((ROWS_INET,)), piece, len(piece) // INET_ROW.size)
    except OSError as error:
        context.note("none", f"sock_diag: {refusal.strerror}; {_PATH}{table}: {error.strerror}")
        return
    context.note(
        "partial",
        f"the kernel refuses sock_diag ({refusal.strerror}): sockets come from {_PATH}, without round-trip times, "
        "retransmits and cgroup",
    )


def read(context: Context, table: str, protocol: int, family: int, path: str = _PATH) -> Iterator[bytes]:
    """Rows of one of the files; none where the kernel does not have it (IPv6 switched off).

    Raises:
        OSError: it is there, but cannot be read.
    """
    try:
        file = open(path + table, encoding="ascii", errors="replace")  # noqa: SIM115  # closed below
    except FileNotFoundError:
        return
    with file:
        next(file, None)
        rows = []
        for line in file:
            row = parse(line, protocol, family)
            if row is not None:
                rows.append(row)
            if len(rows) >= _BATCH:
                yield b"".join(rows)
                rows = []
                if context.expired:
                    context.note("partial", f"the time was over while {path}{table} was read")
                    return
        yield b"".join(rows)


def parse(line: str, protocol: int, family: int) -> bytes | None:
    """A row of one line, or `None` where it is none.

    ``sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode …``
    """
    fields = line.split()
    try:
        local, local_port = _endpoint(fields[1])
        remote, remote_port = _endpoint(fields[2])
        state = int(fields[3], 16)
        write_queue, _, read_queue = fields[4].partition(":")
        timer, _, when = fields[5].partition(":")
        message = _MESSAGE.pack(
            family,
            state,
            int(timer, 16),
            int(fields[6], 16) & 0xFF,
            local_port,
            remote_port,
            local,
            remote,
            0,
            *_NO_COOKIE,
            # In ticks of 1/100 s (USER_HZ) here, in milliseconds in inet_diag_msg.
            min(int(when, 16) * 10, 0xFFFFFFFF),
            int(read_queue, 16),
            int(write_queue, 16),
            int(fields[7]),
            int(fields[9]),
        )
    except (ValueError, IndexError, struct.error):
        return None
    return INET_ROW.pack(protocol, 0, 0, message, _NO_MEMORY, _NO_INFO, 0)


def _endpoint(text: str) -> tuple[bytes, bytes]:
    """Address and port as on the wire. The kernel prints each 32 bits of an address as a number of its own."""
    address, _, port = text.partition(":")
    words = [int(address[i : i + 8], 16) for i in range(0, len(address), 8)]
    return struct.pack(f"={len(words)}I", *words), struct.pack("!H", int(port, 16))
