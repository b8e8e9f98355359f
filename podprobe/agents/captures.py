"""A capture under way at an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.agents import answers
from podprobe.agents.reading import decode_part, decoded, unexpected
from podprobe.decoding import decoder
from podprobe_agent import protocol

if TYPE_CHECKING:
    from typing import Self

    from podprobe.agents.exchange import Exchange
    from podprobe.agents.wire import Wire


class CaptureCount(answers.Answer, frozen=True, kw_only=True):
    """How many packets a capture has, so far or in all."""

    packets: answers.Count = 0
    """Written."""
    dropped: answers.Count = 0
    """Seen by the filter, but lost for want of room (`PACKET_STATISTICS`)."""


_decode_capture_count = decoder(CaptureCount).decode


class Capture:
    """A capture under way: iterate for its pcap bytes; `packets` and `dropped` are final when they end.

    Use it in a `with`, or call `close`: the agent goes on capturing else.
    """

    def __init__(self, wire: Wire, exchange: Exchange) -> None:
        self._wire = wire
        self._exchange = exchange
        self.packets: int | None = None
        """Written so far, as the agent says every second; at the end, in all. `None` before it has said so."""
        self.dropped: int | None = None
        """Let through by the filter, but lost for want of room in the kernel's buffer; the same."""

    def stop(self) -> None:
        """End the capture early. Bytes under way still come, and then its numbers."""
        self._exchange.cancel()

    def close(self) -> None:
        """Nobody wants the rest."""
        self._exchange.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """The next piece of the pcap stream: its header, then whole packets.

        Raises:
            AgentError: the agent may not capture, is gone, or broke the protocol.
        """
        for frame in self._exchange:
            if frame.kind == protocol.DATA:
                return frame.payload
            if frame.kind == protocol.PART:
                self._so_far(frame.payload)
                continue
            if frame.kind != protocol.END:
                raise unexpected(self._wire, frame)
            end = decoded(self._wire, _decode_capture_count, frame.payload)
            self.packets, self.dropped = end.packets, end.dropped
        raise StopIteration

    def _so_far(self, payload: bytes) -> None:
        part = decoded(self._wire, decode_part, payload)
        if part.area != "capture" or not part.value:
            raise self._wire.broken("a capture was answered with something else")
        told = decoded(self._wire, _decode_capture_count, part.value)
        self.packets, self.dropped = told.packets, told.dropped
