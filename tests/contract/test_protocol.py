"""The frames, whatever the other side sends."""

from __future__ import annotations

import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe_agent import protocol
from podprobe_agent.protocol import Frame, FrameDecoder, ProtocolError, encode

frames = st.lists(
    st.tuples(
        st.sampled_from(sorted(protocol.KINDS)),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=2000),
        st.booleans(),
    ),
    max_size=8,
)


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """`data` in pieces, cut at any places."""
    places = sorted({point % (len(data) + 1) for point in points} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(frames, st.lists(st.integers(0, 100_000), max_size=20))
def test_frames_survive_being_cut_anywhere(
    sent: list[tuple[int, int, bytes, bool]], points: list[int]
) -> None:
    stream = b"".join(encode(*frame) for frame in sent)
    decoder = FrameDecoder()
    received = [frame for piece in cut(stream, points) for frame in decoder.feed(piece)]
    assert received == [Frame(kind, request, payload) for kind, request, payload, _ in sent]


@given(st.binary(max_size=300), st.booleans())
def test_rubbish_is_refused_or_waited_for(rubbish: bytes, dressed: bool) -> None:
    """Nothing but `ProtocolError` ever comes out, and what is held stays within one frame."""
    data = protocol.MAGIC + bytes([protocol.PART]) + rubbish if dressed else rubbish
    decoder = FrameDecoder()
    try:
        for frame in decoder.feed(data):
            assert len(frame.payload) <= protocol.MAX_INFLATED
    except ProtocolError:
        pass


def test_a_compressed_bomb_does_not_inflate() -> None:
    bomb = zlib.compress(bytes(protocol.MAX_INFLATED + 1), 9)
    header = protocol.HEADER.pack(protocol.MAGIC, protocol.PART, protocol.FLAG_ZLIB, 1, len(bomb))
    with pytest.raises(ProtocolError, match="inflates past"):
        list(FrameDecoder().feed(header + bomb))


def test_a_frame_too_large_is_refused_before_it_arrives() -> None:
    header = protocol.HEADER.pack(protocol.MAGIC, protocol.DATA, 0, 1, protocol.MAX_PAYLOAD + 1)
    with pytest.raises(ProtocolError, match="was announced"):
        list(FrameDecoder().feed(header))


def test_what_is_too_large_is_not_sent() -> None:
    with pytest.raises(ValueError, match="are allowed"):
        encode(protocol.DATA, 1, bytes(protocol.MAX_PAYLOAD + 1))


def test_the_row_keeps_its_layout() -> None:
    """Client and agent come from one source, but a recording may be older: the layout is a contract."""
    assert protocol.INET_ROW.size == 352
