"""The rules, one by one, on segments made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from podprobe.packets.flow import Flow
from podprobe.packets.segment import ACK, FIN, RST, SYN, Segment, after, plus

CLIENT, SERVER = ("127.0.0.1", 40000), ("127.0.0.1", 5000)
START = 2**32 - 500  # so that every scene crosses the wrap of sequence numbers
MS = 1_000_000


class Scene:
    """A connection whose handshake took 1 ms; `client` and `server` say who sends what, and when (ms)."""

    def __init__(self, handshake: bool = True, sack: bool = False) -> None:
        self.flow: Flow | None = None
        if handshake:
            self.send(CLIENT, 0, -1, 0, SYN, mss=1460, may_select=sack)
            self.send(SERVER, 0.5, -1, 0, SYN | ACK, mss=1460, may_select=sack)
            self.client(1, 0)

    def send(self, source: tuple[str, int], ms: float, at: int, ack: int, flags: int, **more: Any) -> None:
        destination = SERVER if source == CLIENT else CLIENT
        segment = Segment(
            int(ms * MS),
            "tcp",
            source,
            destination,
            more.pop("length", 0),
            plus(START, at),
            plus(START, ack) if flags & ACK else 0,
            flags,
            more.pop("window", 512),
            **more,
        )
        if self.flow is None:
            self.flow = Flow.begun_by(segment)
        self.flow.take(segment)

    def client(self, ms: float, at: int, length: int = 0, ack: int = 0, flags: int = 0, **more: Any) -> None:
        self.send(CLIENT, ms, at, ack, flags | ACK, length=length, **more)

    def server(self, ms: float, at: int, length: int = 0, ack: int = 0, flags: int = 0, **more: Any) -> None:
        self.send(SERVER, ms, at, ack, flags | ACK, length=length, **more)

    def sides(self) -> Any:
        assert self.flow is not None
        result = self.flow.result(0)
        return result, result.from_client, result.from_server


def test_sequence_numbers_wrap() -> None:
    assert after(plus(START, 1000), START)
    assert not after(START, plus(START, 1000))
    assert not after(START, START)


def test_a_clean_exchange() -> None:
    scene = Scene()
    scene.client(2, 0, 1000)
    scene.server(3, 0, 200, ack=1000)
    scene.client(4, 1000, ack=200)
    scene.client(1004, 1000, 5, ack=200)
    scene.server(1005, 200, ack=1005)
    flow, client, server = scene.sides()
    assert flow.handshake_us == 1000
    assert (client.bytes, server.bytes, client.data_segments) == (1005, 200, 2)
    # SYN, 1000 bytes, 5 bytes; the server's SYN-ACK and 200 bytes.
    assert (client.rtt_samples, server.rtt_samples) == (3, 2)
    assert (client.min_rtt_us, client.max_rtt_us) == (500, 1000)
    assert client.retransmits == server.retransmits == 0
    assert flow.idle_ratio == pytest.approx(1 - (1 + 1 + 1 + 1) / 1005, abs=1e-6)


def test_a_timeout() -> None:
    scene = Scene()
    scene.client(2, 0, 1000)
    scene.client(210, 0, 1000)
    scene.server(211, 0, ack=1000)
    _, client, _ = scene.sides()
    assert (client.retransmits, client.timeout_retransmits, client.retransmitted_bytes) == (1, 1, 1000)
    # Karn: whose acknowledgement that was, nobody knows. What is left is the SYN's.
    assert client.rtt_samples == 1


def test_a_fast_retransmission() -> None:
    scene = Scene()
    for number in range(4):
        scene.client(2 + number / 10, number * 100, 100)
    scene.server(3, 0, ack=100)
    scene.server(3.1, 0, ack=100)
    scene.server(3.2, 0, ack=100)
    scene.client(3.3, 100, 100)
    _, client, server = scene.sides()
    assert (client.fast_retransmits, client.retransmits) == (1, 1)
    assert server.duplicate_acks == 2


def in_flight(scene: Scene, segments: int) -> None:
    for number in range(segments):
        scene.client(2 + number / 10, number * 100, 100)


def test_what_a_selective_acknowledgement_asks_for_is_fast_whatever_else_its_packet_carries() -> None:
    """Data and a new window with it: by Wireshark's rule no duplicate acknowledgement."""
    scene = Scene(sack=True)
    in_flight(scene, 4)
    scene.server(3, 0, 300, ack=100, window=700, blocks=((plus(START, 200), plus(START, 300)),))
    scene.client(3.1, 100, 100)
    _, client, server = scene.sides()
    assert (client.fast_retransmits, client.retransmits, server.duplicate_acks) == (1, 1, 0)


def test_a_segment_that_fills_its_place_late_was_not_asked_for_by_an_old_word() -> None:
    """The word came 200 ms ago: it is the timer that speaks, and what follows comes in its wake."""
    scene = Scene(sack=True)
    in_flight(scene, 4)
    scene.server(3, 0, ack=0, blocks=((plus(START, 300), plus(START, 400)),))
    scene.client(230, 0, 100)
    scene.server(231, 0, ack=100, blocks=((plus(START, 300), plus(START, 400)),))
    scene.client(231.1, 100, 100)
    scene.client(231.2, 200, 100)
    _, client, _ = scene.sides()
    assert (client.timeout_retransmits, client.other_retransmits, client.fast_retransmits) == (1, 2, 0)


def test_the_last_segment_is_sent_again_as_a_probe_and_then_by_the_timer() -> None:
    for sack, counted in ((True, (1, 1, 0)), (False, (0, 2, 0))):
        scene = Scene(sack=sack)
        in_flight(scene, 1)
        scene.client(205, 0, 100)
        scene.client(610, 0, 100)
        _, client, _ = scene.sides()
        assert (client.probe_retransmits, client.timeout_retransmits, client.other_retransmits) == counted


def test_without_the_handshake_probe_and_timer_cannot_be_told_apart() -> None:
    scene = Scene(handshake=False)
    scene.server(1, 0, 10)
    in_flight(scene, 1)
    scene.client(205, 0, 100)
    scene.client(610, 0, 100)
    _, client, _ = scene.sides()
    assert (client.probe_retransmits, client.timeout_retransmits, client.other_retransmits) == (0, 1, 1)


def test_a_spurious_retransmission() -> None:
    scene = Scene()
    scene.client(2, 0, 100)
    scene.server(3, 0, ack=100)
    scene.client(203, 0, 100)
    _, client, _ = scene.sides()
    assert (client.spurious_retransmits, client.retransmits) == (1, 1)


def test_reordering_fills_a_hole_that_the_capture_had_seen() -> None:
    scene = Scene()
    scene.client(2, 0, 100)
    scene.client(2.1, 200, 100)
    scene.client(2.2, 100, 100)
    _, client, _ = scene.sides()
    assert (client.gaps, client.open_gaps, client.out_of_order, client.retransmits) == (1, 0, 1, 0)


def test_soon_but_seen_before_is_sent_again() -> None:
    """No hole: the capture has had these bytes, so the kernel sent them again, however soon."""
    scene = Scene()
    scene.client(2, 0, 100)
    scene.client(2.1, 100, 100)
    scene.client(2.2, 0, 100)
    _, client, _ = scene.sides()
    assert (client.out_of_order, client.retransmits) == (0, 1)


def test_late_and_never_seen_was_lost_before_the_capture() -> None:
    scene = Scene()
    scene.client(2, 100, 100)
    scene.client(205, 0, 100)
    _, client, _ = scene.sides()
    assert (client.gaps, client.out_of_order, client.retransmits) == (1, 0, 1)


def test_a_gap_that_nothing_fills_stays_open() -> None:
    scene = Scene()
    for at in (0, 200, 400, 100):
        scene.client(2 + at, at, 100)
    _, client, _ = scene.sides()
    assert (client.gaps, client.open_gaps) == (2, 1)


def test_whoever_waits_for_a_syn_is_not_idle() -> None:
    scene = Scene(handshake=False)
    for second in (0, 1, 3, 7):
        scene.send(CLIENT, second * 1000, -1, 0, SYN)
    flow, client, _ = scene.sides()
    assert (flow.idle_ratio, client.timeout_retransmits) == (0, 3)


def test_a_sender_before_a_closed_window_is_blocked_and_not_idle() -> None:
    scene = Scene()
    scene.client(2, 0, 100)
    scene.server(3, 0, ack=100, window=0)
    scene.client(403, 99)
    scene.server(403.1, 0, ack=100, window=0)
    scene.server(803, 0, ack=100)
    scene.client(1003, 100, 100)
    flow, _, _ = scene.sides()
    assert flow.blocked_ratio == pytest.approx(800 / 1003, abs=1e-3)
    assert flow.idle_ratio == pytest.approx(1 - 802 / 1003, abs=2e-3)


def test_a_keep_alive_of_another_system_carries_a_byte() -> None:
    scene = Scene()
    scene.client(2, 0, 10)
    scene.server(3, 0, ack=10)
    scene.client(2003, 9, 1)
    scene.server(2004, 0, ack=10)
    _, client, server = scene.sides()
    assert (client.keep_alives, client.retransmits) == (1, 0)
    assert server.duplicate_acks == 0


def test_a_closed_window_and_its_probes() -> None:
    scene = Scene()
    scene.client(2, 0, 100)
    scene.server(3, 0, ack=100, window=0)
    scene.client(203, 99)  # Linux
    scene.server(203.1, 0, ack=100, window=0)
    scene.client(603, 100, 1)  # others
    scene.server(603.1, 0, ack=100, window=0)
    scene.server(1003, 0, ack=100, window=512)
    scene.client(1004, 100, 100)
    _, client, server = scene.sides()
    assert (client.window_probes, client.keep_alives, client.retransmits) == (2, 0, 0)
    assert server.zero_windows == 3
    assert server.zero_window_us == 1_000_000
    assert server.duplicate_acks == 0


def test_a_window_that_never_opens_is_closed_until_the_end() -> None:
    scene = Scene()
    scene.server(3, 0, window=0)
    scene.client(503, -1)
    _, _, server = scene.sides()
    assert server.zero_window_us == 500_000


def test_a_syn_sent_again() -> None:
    scene = Scene(handshake=False)
    scene.send(CLIENT, 0, -1, 0, SYN)
    scene.send(CLIENT, 1000, -1, 0, SYN)
    scene.send(SERVER, 1000.5, -1, 0, SYN | ACK)
    scene.client(1001, 0)
    flow, client, _ = scene.sides()
    assert client.timeout_retransmits == 1
    assert flow.handshake_us == 1_001_000


def test_ends() -> None:
    for end, flags in (("reset", RST), ("open", 0)):
        scene = Scene()
        scene.server(2, 0, flags=flags)
        assert scene.sides()[0].end == end
    scene = Scene()
    scene.client(2, 0, flags=FIN)
    scene.server(3, 0, ack=1, flags=FIN)
    scene.client(4, 1, ack=1)
    assert scene.sides()[0].end == "closed"


def test_begun_before_the_capture() -> None:
    """The lower port is the server's, whoever speaks first."""
    scene = Scene(handshake=False)
    scene.server(1, 0, 100)
    flow, _, server = scene.sides()
    assert (flow.client, flow.server) == ("127.0.0.1:40000", "127.0.0.1:5000")
    assert server.bytes == 100
    assert flow.handshake_us is None


def test_memory_is_bounded() -> None:
    scene = Scene()
    for number in range(20_000):
        scene.client(2 + number, number * 20, 10)  # every second piece is missing, nothing is acknowledged
    assert scene.flow is not None
    half = scene.flow.from_client
    assert len(half.outstanding) <= 1024
    assert len(half.holes) <= 64


def test_a_refused_connection_that_is_tried_again_with_the_same_number() -> None:
    """The refusal has no sequence number of its own; what the server sends once it accepts is no repetition."""
    scene = Scene(handshake=False)
    scene.send(CLIENT, 0, -1, 0, SYN)
    scene.send(SERVER, 0.5, 5 - START, 0, RST | ACK)
    scene.send(CLIENT, 500, -1, 0, SYN)
    scene.send(SERVER, 500.5, -1, 0, SYN | ACK)
    scene.client(501, 0)
    scene.server(502, 0, 125)
    _, client, server = scene.sides()
    assert (client.retransmits, server.retransmits, server.resets) == (1, 0, 1)
