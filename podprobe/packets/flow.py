"""One flow: a TCP connection, or the datagrams between two endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from podprobe.model.capture import CapturedFlow
from podprobe.packets.half import Half
from podprobe.packets.segment import ACK, RST, SYN, Segment

Endpoint = tuple[str, int]


def _text(endpoint: Endpoint) -> str:
    address, port = endpoint
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def client_and_server(segment: Segment) -> tuple[Endpoint, Endpoint]:
    """Who opened the flow, as far as its first captured packet tells."""
    from_client = segment.source, segment.destination
    if segment.protocol == "tcp" and segment.flags & SYN:
        return from_client if not segment.flags & ACK else (segment.destination, segment.source)
    # Begun before the capture: servers have the lower port, because ephemeral ports begin at 32768. For UDP the first
    # to speak is the client unless the ports say otherwise as clearly.
    return (
        from_client if segment.source[1] >= segment.destination[1] else (segment.destination, segment.source)
    )


@dataclass(slots=True)
class Flow:
    """A flow as seen so far. Bounded in memory."""

    protocol: Literal["tcp", "udp"]
    client: Endpoint
    server: Endpoint
    first_ns: int
    last_ns: int
    from_client: Half = field(default_factory=Half)
    from_server: Half = field(default_factory=Half)
    opening: int | None = None
    """Sequence number of the SYN."""
    first_syn_ns: int | None = None
    last_syn_ns: int | None = None
    handshake_ns: int | None = None
    round_trip_ns: int | None = None
    """From the last SYN to the end of the handshake."""
    busy_ns: int = 0
    blocked_ns: int = 0
    reset: bool = False

    @classmethod
    def begun_by(cls, segment: Segment) -> Flow:
        """The flow that a packet is the first of."""
        client, server = client_and_server(segment)
        return cls(segment.protocol, client, server, segment.at_ns, segment.at_ns)

    def reused_by(self, segment: Segment) -> bool:
        """The packet opens another connection between the same endpoints."""
        opens = segment.flags & (SYN | ACK) == SYN
        return bool(opens) and self.opening != segment.sequence

    def take(self, segment: Segment) -> None:
        """Take the next packet of the flow, of either side."""
        from_client = segment.source == self.client
        sender, peer = (
            (self.from_client, self.from_server) if from_client else (self.from_server, self.from_client)
        )
        if segment.protocol == "udp":
            sender.packets += 1
            sender.bytes += segment.length
            sender.data_segments += 1
        else:
            passed_ns = max(0, segment.at_ns - self.last_ns)
            if self._waiting():
                self.busy_ns += passed_ns
            elif not self.reset and (self.from_client.shut or self.from_server.shut):
                self.blocked_ns += passed_ns
            self._handshake(segment, from_client)
            sender.sends(segment, peer, self.round_trip_ns)
            self.reset |= bool(segment.flags & RST)
        self.last_ns = max(self.last_ns, segment.at_ns)

    def _waiting(self) -> bool:
        return not self.reset and (
            self.from_client.waits(self.from_server) or self.from_server.waits(self.from_client)
        )

    def _handshake(self, segment: Segment, from_client: bool) -> None:
        if not from_client:
            return
        if segment.flags & SYN:
            self.opening, self.last_syn_ns = segment.sequence, segment.at_ns
            if self.first_syn_ns is None:
                self.first_syn_ns = segment.at_ns
        elif (
            segment.flags & ACK
            and self.handshake_ns is None
            and self.first_syn_ns is not None
            and self.last_syn_ns is not None
            and self.from_server.next_sequence is not None
        ):
            self.handshake_ns = max(0, segment.at_ns - self.first_syn_ns)
            self.round_trip_ns = max(0, segment.at_ns - self.last_syn_ns)

    def result(self, capture_began_ns: int) -> CapturedFlow:
        """The flow as plain data, everything counted until its last packet."""
        client, server = self.from_client.counts(self.last_ns), self.from_server.counts(self.last_ns)
        duration_ns = self.last_ns - self.first_ns
        tcp = self.protocol == "tcp"
        segments = client.data_segments + server.data_segments
        finished = self.from_client.finished and self.from_server.finished
        return CapturedFlow(
            protocol=self.protocol,
            client=_text(self.client),
            server=_text(self.server),
            started_us=max(0, self.first_ns - capture_began_ns) // 1000,
            duration_us=duration_ns // 1000,
            handshake_us=None if self.handshake_ns is None else self.handshake_ns / 1000,
            idle_ratio=max(0.0, 1 - (self.busy_ns + self.blocked_ns) / duration_ns)
            if tcp and duration_ns
            else None,
            blocked_ratio=min(1.0, self.blocked_ns / duration_ns) if tcp and duration_ns else None,
            retransmit_ratio=(client.retransmits + server.retransmits) / segments
            if tcp and segments
            else None,
            end="reset" if self.reset else "closed" if finished else "open",
            from_client=client,
            from_server=server,
        )
