"""The exec stream against a server that speaks WebSocket by hand, over a real pair of sockets."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from websocket import ABNF

from podprobe.agents.stream import StreamClosedError
from podprobe.targets.kubernetes.exec import ExecStream


class Server:
    """The far side."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def send(self, payload: bytes, opcode: int = 2, fin: int = 1) -> None:
        length = len(payload)
        head = bytes((fin << 7 | opcode,))
        if length < 126:
            head += bytes((length,))
        elif length < 1 << 16:
            head += struct.pack("!BH", 126, length)
        else:
            head += struct.pack("!BQ", 127, length)
        self.socket.sendall(head + payload)

    def receive(self) -> tuple[int, bytes]:
        """One frame, unmasked by the reference implementation."""
        first, second = self._exactly(2)
        length = second & 127
        if length == 126:
            length = int.from_bytes(self._exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(self._exactly(8), "big")
        assert second & 128, "a client's frames are masked"
        key = self._exactly(4)
        return first & 15, ABNF.mask(key, self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, "the client hung up"
            data += piece
        return data


@pytest.fixture
def pair() -> Iterator[tuple[ExecStream, Server]]:
    ours, theirs = socket.socketpair()
    stream = ExecStream(ours, v5=True)
    yield stream, Server(theirs)
    stream.close()
    theirs.close()


def test_output_in_order_and_errors_apart(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    server.send(b"\1one")
    server.send(b"\2oops\n")
    server.send(b"\1" + b"x" * 70_000)
    got = b""
    while len(got) < 70_003:
        piece = stream.read(1)
        assert piece
        got += piece
    assert got == b"one" + b"x" * 70_000
    assert stream.diagnosis() == "oops"
    assert stream.read(0.01) is None


def test_frames_cut_anywhere(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    frame = b"\x82\x7e" + struct.pack("!H", 301) + b"\1" + bytes(300)
    got = bytearray()
    for byte in frame:
        assert not got
        server.socket.sendall(bytes((byte,)))
        got += stream.read(0.001 if len(got) == 0 else 1) or b""
    assert got == bytes(300)


def test_a_message_in_fragments(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    server.send(b"\1he", fin=0)
    server.send(b"llo", opcode=0)
    assert (stream.read(1) or b"") + (stream.read(1) or b"") == b"hello"


def test_a_ping_is_answered(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    server.send(b"are you there", opcode=9)
    assert stream.read(0.05) is None
    assert server.receive() == (10, b"are you there")


def test_input_is_cut_into_frames(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    data = bytes(range(256)) * 600
    thread = threading.Thread(target=stream.write, args=(data, 30.0))
    thread.start()
    got = b""
    while len(got) < len(data):
        opcode, payload = server.receive()
        assert opcode == 2
        assert payload[0] == 0
        assert len(payload) <= (32 << 10) + 1
        got += payload[1:]
    thread.join()
    assert got == data


def test_the_end_with_a_status(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    causes = [{"reason": "ExitCode", "message": "3"}]
    server.send(b"\1last")
    server.send(b"\3" + json.dumps({"status": "Failure", "details": {"causes": causes}}).encode())
    server.send(struct.pack("!H", 1000), opcode=8)
    assert stream.read(1) == b"last"
    assert stream.read(1) == b""
    assert stream.exit_code == 3
    assert stream.diagnosis() == "it ended with exit status 3"
    with pytest.raises(StreamClosedError, match="exit status 3"):
        stream.write(b"x", 1.0)


def test_a_status_without_an_exit_code(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    server.send(b"\3" + json.dumps({"status": "Failure", "message": "no such program"}).encode())
    server.socket.close()
    assert stream.read(1) == b""
    assert stream.exit_code is None
    assert "no such program" in stream.diagnosis()


def test_a_cut_connection_is_said_to_be_one(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    server.send(b"\1half")
    server.socket.close()
    assert stream.read(1) == b"half"
    assert stream.read(1) == b""
    assert "cut" in stream.diagnosis()


def test_close_says_goodbye_and_wakes_a_reader(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    got: list[bytes | None] = []
    reader = threading.Thread(target=lambda: got.append(stream.read(30)))
    reader.start()
    time.sleep(0.05)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert got == [b""]
    assert server.receive() == (2, b"\xff\x00")
    assert server.receive()[0] == 8
    stream.close()


def test_a_writer_that_is_stuck_ends_with_the_stream(pair: tuple[ExecStream, Server]) -> None:
    stream, _ = pair
    failed: list[Exception] = []

    def write() -> None:
        try:
            stream.write(bytes(64 << 20), 30.0)
        except StreamClosedError as error:
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.1)
    assert writer.is_alive()
    stream.close()
    writer.join(5)
    assert not writer.is_alive()
    assert failed


def test_what_the_far_side_does_not_take_in_time_ends_the_stream(pair: tuple[ExecStream, Server]) -> None:
    stream, _ = pair
    begun = time.monotonic()
    with pytest.raises(StreamClosedError, match="not taken in time"):
        stream.write(bytes(64 << 20), 0.3)
    assert time.monotonic() - begun < 5
    assert stream.read(1) == b""


def test_nothing_is_read_ahead(pair: tuple[ExecStream, Server]) -> None:
    stream, server = pair
    server.socket.settimeout(0.3)
    server.send(b"\1first")
    assert stream.read(1) == b"first"

    def flood() -> None:
        for _ in range(10_000):
            server.send(b"\1" + bytes(60_000))

    with pytest.raises(TimeoutError):
        flood()
    assert len(stream._received) < 1 << 20
    assert not stream._output


@pytest.mark.parametrize("rubbish", [b"\x82\xff" + b"\xff" * 8, b"\x82\x85abcdefghi"])
def test_rubbish_ends_the_stream(pair: tuple[ExecStream, Server], rubbish: bytes) -> None:
    stream, server = pair
    server.socket.sendall(rubbish)
    assert stream.read(1) == b""
    assert "cannot be" in stream.diagnosis()
