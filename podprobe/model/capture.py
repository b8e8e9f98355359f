"""What a capture says of each flow. Not part of a snapshot: `podprobe capture` writes it by itself."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Model

CAPTURE_SCHEMA = "podprobe.capture/v1"


class Sent(Model, frozen=True, kw_only=True):
    """What one side of a flow sent, and what the capture says became of it."""

    packets: int = 0
    data_segments: int = 0
    """Packets with payload, retransmissions included."""
    bytes: int = 0
    """Payload, retransmissions included."""
    retransmits: int = 0
    """Packets sent again: the sum of the next five."""
    fast_retransmits: int = 0
    """Asked for by the peer: it had acknowledged something above (SACK) or repeated itself (a duplicate
    acknowledgement) within 20 ms, or a round trip, before; `TcpExt.TCPFastRetrans`."""
    timeout_retransmits: int = 0
    """The first segment in flight, without a word from the peer: the retransmission timer (`TcpExt.TCPTimeouts`), which
    waits for 200 ms at least. SYNs among them."""
    probe_retransmits: int = 0
    """The last segment in flight, without a word from the peer: a tail loss probe (`TcpExt.TCPLossProbes`)."""
    other_retransmits: int = 0
    """In the wake of a timeout, as acknowledgements come (`TcpExt.TCPSlowStartRetrans`); and where probe and timer look
    alike: the only segment in flight, of a flow whose handshake is not in the capture."""
    spurious_retransmits: int = 0
    """Of data that had been acknowledged already: nothing was lost, or its acknowledgement was."""
    retransmitted_segments: int = 0
    """As the kernel counts (`tcpi_total_retrans`): a packet that is larger than the connection's MSS, because the
    interface is to cut it up (segmentation offload), is several segments."""
    retransmitted_bytes: int = 0
    out_of_order: int = 0
    """Behind the newest segment, filling a gap, and too soon to be a retransmission."""
    gaps: int = 0
    """Segments ahead of what was expected: what is between comes late, or the capture, or the network before it, has
    lost it."""
    open_gaps: int = 0
    """Those that nothing had filled when the capture ended: bytes that are not in it. Of more than 64 at a time the
    oldest count as such, whatever came later."""
    duplicate_acks: int = 0
    zero_windows: int = 0
    """Packets that closed the window, or kept it closed."""
    zero_window_us: int = 0
    """How long its window was closed."""
    window_probes: int = 0
    """Sent to ask whether the peer's closed window is open again."""
    keep_alives: int = 0
    resets: int = 0
    rtt_samples: int = 0
    """Data segments whose acknowledgement was seen, retransmitted ones left out (Karn's rule)."""
    min_rtt_us: float | None = None
    """From a data segment to its acknowledgement, both as seen at the capture point."""
    p50_rtt_us: float | None = None
    p99_rtt_us: float | None = None
    max_rtt_us: float | None = None


class CapturedFlow(Model, frozen=True, kw_only=True):
    """One TCP connection, or the UDP datagrams between two endpoints."""

    protocol: Literal["tcp", "udp"]
    client: str
    """Who sent the SYN; without one in the capture, the higher port. `127.0.0.1:42000`."""
    server: str
    from_container: str | None = None
    to_container: str | None = None
    started_us: int
    """After the capture's first packet."""
    duration_us: int
    handshake_us: float | None = None
    """From the first SYN to the acknowledgement of the SYN-ACK."""
    idle_ratio: float | None = None
    """Share of the flow's duration in which neither side waited, for an acknowledgement (of a SYN, too) or for a shut
    window."""
    blocked_ratio: float | None = None
    """Share in which nothing was in flight and a receive window was shut: who has more to send waits for the reader."""
    retransmit_ratio: float | None = None
    """Of both sides' data segments."""
    end: Literal["open", "closed", "reset"] = "open"
    from_client: Sent
    from_server: Sent


class Capture(Model, frozen=True, kw_only=True):
    """Everything that the packets of one capture say."""

    schema: str = CAPTURE_SCHEMA
    packets: int = 0
    bytes: int = 0
    """As they were on the wire, not as captured."""
    first_at: str | None = None
    """RFC 3339, UTC, of the first packet."""
    duration_us: int = 0
    dropped: int | None = None
    """Packets that matched the filter and found no room in the capture's buffer; `None` where nobody counted."""
    not_ip: int = 0
    other_protocols: int = 0
    """IP, but neither TCP nor UDP."""
    fragments: int = 0
    """Fragments of IP packets: counted, not put together again."""
    unknown_links: int = 0
    """Packets of a kind of link that podprobe does not read; a pcapng file may hold several."""
    malformed: int = 0
    """Packets whose headers could not be read."""
    cut_short: str | None = None
    """Why reading ended before the end of the file, if it did. What was read until then counts."""
    flow_count: int = 0
    flows_omitted: int = 0
    """Flows beyond those kept in `flows`; `totals` has them all."""
    totals: Sent = Sent()
    """Of all flows and both sides; without round-trip times."""
    flows: tuple[CapturedFlow, ...] = ()
    """Worst first: by retransmissions, resets, then bytes."""
