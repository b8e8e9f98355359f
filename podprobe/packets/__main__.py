"""``python -m podprobe.packets < FILE``: a capture on standard input, `podprobe.capture/v1` as JSON on standard output.

With ``--every SECONDS`` a line says what it holds so far whenever so much time has passed and packets have come, flow
by flow of the worst 200; the last line has all of it.

Exit 0 where the input was a capture, even one cut short (the result says so); 1 where it was none, then with one line
of JSON, ``{"error": ..., "hint": ...}``.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from podprobe.packets.source import CaptureError, Source
from podprobe.packets.table import FlowTable

if TYPE_CHECKING:
    from podprobe.model.capture import Capture


LIVE_FLOWS = 200
"""Told one by one while the capture goes on."""


class Analysis:
    """The analysis of one capture. One thread runs it; others may ask how far it has come.

    Args:
        stream: of pcap or pcapng; need not be seekable. Read packet by packet: memory does not grow with its length.
        name: what to call it in errors.

    Raises:
        CaptureError: it is no capture.
    """

    def __init__(self, stream: BinaryIO, name: str = "the capture") -> None:
        self._source = Source(stream, name)
        self._table = FlowTable()
        self._lock = threading.Lock()

    def run(self) -> Capture:
        """Read to the end."""
        for at_ns, segment in self._source:
            with self._lock:
                self._table.seen(at_ns)
                if segment is not None:
                    self._table.take(segment)
        return self._counted(self._table.result())

    def so_far(self) -> Capture:
        """What has been read until now says."""
        with self._lock:
            return self._counted(self._table.so_far(LIVE_FLOWS))

    def _counted(self, capture: Capture) -> Capture:
        counts = self._source.counts
        return msgspec.structs.replace(
            capture,
            packets=counts.packets,
            bytes=counts.bytes,
            not_ip=counts.not_ip,
            other_protocols=counts.other_protocols,
            fragments=counts.fragments,
            unknown_links=counts.unknown_links,
            malformed=counts.malformed,
            cut_short=counts.cut_short,
        )


def analyse(stream: BinaryIO, name: str = "the capture") -> Capture:
    """Read a capture to its end.

    Raises:
        CaptureError: it is no capture.
    """
    return Analysis(stream, name).run()


def _tell(analysis: Analysis, seconds: float, ended: threading.Event) -> None:
    """Write a line whenever there is news. A flood of flows makes the lines rarer, not the analysis slow."""
    told, wait = -1, seconds
    while not ended.wait(wait):
        began = time.monotonic()
        capture = analysis.so_far()
        if capture.packets != told:
            told = capture.packets
            _write(capture)
        wait = max(seconds, 10 * (time.monotonic() - began))


def _write(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def main(arguments: list[str]) -> int:
    """Standard input to standard output."""
    ended = threading.Event()
    try:
        analysis = Analysis(sys.stdin.buffer)
        if arguments[:1] == ["--every"]:
            teller = threading.Thread(target=_tell, args=(analysis, float(arguments[1]), ended), daemon=True)
            teller.start()
            result = analysis.run()
            ended.set()
            teller.join()
        else:
            result = analysis.run()
    except CaptureError as error:
        _write({"error": error.message, "hint": error.hint})
        return 1
    _write(result)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
