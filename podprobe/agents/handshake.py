"""From a program that has just been started to an agent that has said HELLO."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from podprobe.agents import bootstrap, bundle
from podprobe.agents.answers import Hello
from podprobe.agents.stream import StreamClosedError
from podprobe.decoding import decode
from podprobe_agent import protocol

if TYPE_CHECKING:
    from podprobe.agents.bootstrap import Platform
    from podprobe.agents.stream import Stream
    from podprobe_agent.protocol import Frame, FrameDecoder

_IMAGE_HINT = "name an image with Python 3.9 or newer: --image docker.io/library/python:3-slim"


class FailedError(Exception):
    """No agent came of it: why, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def shake(stream: Stream, deadline: float) -> tuple[Hello, FrameDecoder, list[Frame]]:
    """Send the agent to where `bootstrap.COMMAND` runs, and wait for its first frame.

    Returns:
        HELLO, the decoder that took it, and the frames that came right behind it.

    Raises:
        FailedError: see its text.
    """
    platform = _greeting(stream, deadline)
    try:
        stream.write(bundle.build(platform), max(0.0, deadline - time.monotonic()))
    except StreamClosedError as error:
        raise FailedError(_with(stream, f"sending it failed: {error}")) from None
    decoder = protocol.FrameDecoder()
    frames: list[Frame] = []
    while not frames:
        try:
            frames.extend(decoder.feed(_read(stream, deadline)))
        except protocol.ProtocolError as error:
            raise FailedError(f"it said what no agent says: {error}") from None
    hello = frames.pop(0)
    if hello.kind != protocol.HELLO:
        raise FailedError("its first frame is no HELLO")
    try:
        return decode(hello.payload, Hello), decoder, frames
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FailedError(f"its HELLO is not valid: {error}") from None


def _greeting(stream: Stream, deadline: float) -> Platform:
    """The platform that the program tells first. Nothing follows that line: it then waits for us."""
    line = b""
    while not line.endswith(b"\n"):
        line += _read(stream, deadline)
        if len(line) > bootstrap.GREETING_BYTES:
            break
    platform = bootstrap.parse(line)
    if platform is None:
        raise FailedError(f"the image's python3 said {line[:120]!r}", _IMAGE_HINT)
    if platform.python < bootstrap.OLDEST_PYTHON:
        version = ".".join(map(str, platform.python))
        raise FailedError(f"its image has Python {version}, and it needs 3.9", _IMAGE_HINT)
    return platform


def _read(stream: Stream, deadline: float) -> bytes:
    data = stream.read(max(0.0, deadline - time.monotonic()))
    if data is None:
        raise FailedError(_with(stream, "it said nothing in time"))
    if not data:
        raise FailedError(_with(stream, "its stream ended"), _IMAGE_HINT)
    return data


def _with(stream: Stream, what: str) -> str:
    said = stream.diagnosis()
    return f"{what}: {said}" if said else what
