"""``python -m podprobe.packets < FILE``: a capture on standard input, `podprobe.capture/v1` as JSON on standard output.

Exit 0 where the input was a capture, even one cut short (the result says so); 1 where it was none, then with one line
of JSON, ``{"error": ..., "hint": ...}``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from podprobe.packets.source import CaptureError, Source
from podprobe.packets.table import FlowTable

if TYPE_CHECKING:
    from podprobe.model.capture import Capture


def analyse(stream: BinaryIO, name: str = "the capture") -> Capture:
    """Read a capture to its end.

    Args:
        stream: of pcap or pcapng; need not be seekable. Read packet by packet: memory does not grow with its length.
        name: what to call it in errors.

    Raises:
        CaptureError: it is no capture.
    """
    source, table = Source(stream, name), FlowTable()
    for at_ns, segment in source:
        table.seen(at_ns)
        if segment is not None:
            table.take(segment)
    counts = source.counts
    return msgspec.structs.replace(
        table.result(),
        packets=counts.packets,
        bytes=counts.bytes,
        not_ip=counts.not_ip,
        other_protocols=counts.other_protocols,
        fragments=counts.fragments,
        malformed=counts.malformed,
        cut_short=counts.cut_short,
    )


def main() -> int:
    """Standard input to standard output."""
    try:
        result = analyse(sys.stdin.buffer)
    except CaptureError as error:
        sys.stdout.buffer.write(msgspec.json.encode({"error": error.message, "hint": error.hint}) + b"\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
