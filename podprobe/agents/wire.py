"""Frames over a stream, both ways: requests with their answers, several at once, and heartbeats."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec

from podprobe.agents.exchange import Exchange
from podprobe.agents.stream import StreamClosedError
from podprobe.errors import AgentError
from podprobe_agent import protocol

if TYPE_CHECKING:
    from typing import Any

    from podprobe.agents.stream import Stream
    from podprobe_agent.protocol import Frame, FrameDecoder

_ANSWERS = frozenset((protocol.PART, protocol.ROWS, protocol.DATA, protocol.END, protocol.ERROR))


class Wire:
    """A stream on which frames go both ways.

    One thread reads and hands each frame to the request that it belongs to; another sends heartbeats and notices
    when none come back. The first failure is kept, ends the stream, and is what every request is told from then on.

    Args:
        stream: with HELLO already taken off it.
        decoder: that took it; may hold the beginning of the next frame.
        frames: what came together with HELLO.
        place: where the agent is, for messages: "in container web".
    """

    def __init__(self, stream: Stream, decoder: FrameDecoder, frames: list[Frame], place: str) -> None:
        self._stream = stream
        self._decoder = decoder
        self.place = place
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._exchanges: dict[int, Exchange] = {}
        self._last = 0
        self._failure: str | None = None
        self._heard = self._spoke = time.monotonic()
        self._ended = threading.Event()
        name = f"agent {place}"
        threading.Thread(target=self._read, args=(frames,), name=f"{name}: frames", daemon=True).start()
        threading.Thread(target=self._beat, name=f"{name}: heartbeats", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Neither closed nor failed, nor silent for too long."""
        if self._ended.is_set():
            return False
        # Without the reader nothing is heard; that is no silence of the agent's.
        return time.monotonic() - self._heard < protocol.BEAT_TIMEOUT_SECONDS or self._held_back()

    def ask(self, request: dict[str, Any], timeout: float) -> Exchange:
        """Send a request, once the agent takes another. Use what comes back in a `with`: leaving it early cancels it.

        Raises:
            AgentError: the agent is gone, or was busy with as many requests as it takes for all of `timeout`.
        """
        deadline = time.monotonic() + timeout
        with self._room:
            while not self._ended.is_set() and len(self._exchanges) >= protocol.MAX_REQUESTS:
                if not self._room.wait(deadline - time.monotonic()):
                    raise AgentError(
                        f"the agent {self.place} still has {protocol.MAX_REQUESTS} requests to answer"
                    )
            if self._ended.is_set():
                raise self._error()
            self._last += 1
            exchange = self._exchanges[self._last] = Exchange(self, self._last, time.monotonic() + timeout)
        self.send(protocol.REQUEST, exchange.request, msgspec.json.encode(request))
        return exchange

    def send(self, kind: int, request: int, payload: bytes = b"") -> None:
        """Send a frame. Where the stream has ended this raises nothing: whoever waits for the answer is told."""
        self._spoke = time.monotonic()
        try:
            # An agent reads whatever else it does: one that takes nothing for so long is as good as silent.
            self._stream.write(
                protocol.encode(kind, request, payload, compress=True), protocol.BEAT_TIMEOUT_SECONDS
            )
        except StreamClosedError as error:
            self._fail(f"stopped answering: {error}")

    def forget(self, request: int) -> None:
        """A request has been answered to its end."""
        with self._room:
            self._exchanges.pop(request, None)
            self._room.notify()

    def broken(self, what: str) -> AgentError:
        """Cut off an agent that broke the protocol; the error to raise."""
        self._fail(f"broke the protocol, and was cut off: {what}", diagnose=False)
        return self._error()

    def failure(self) -> AgentError | None:
        """Why the stream has ended, if it has."""
        return self._error() if self._ended.is_set() else None

    def close(self) -> None:
        """End the stream."""
        self._fail("was closed", diagnose=False)

    def _error(self) -> AgentError:
        return AgentError(f"the agent {self.place} {self._failure or 'has ended'}")

    def _fail(self, reason: str, diagnose: bool = True) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            self._failure = reason
            self._ended.set()
            self._room.notify_all()
            waiting = list(self._exchanges.values())
        if diagnose and (said := self._stream.diagnosis()):
            self._failure = f"{reason} ({said})"
        self._stream.close()
        for exchange in waiting:
            exchange.wake()

    def _read(self, frames: list[Frame]) -> None:
        try:
            for frame in frames:
                self._dispatch(frame)
            while not self._ended.is_set():
                data = self._stream.read(protocol.BEAT_SECONDS)
                if data is None:
                    continue
                if not data:
                    self._fail("stopped answering: its stream ended")
                    return
                self._heard = time.monotonic()
                for frame in self._decoder.feed(data):
                    self._dispatch(frame)
        except protocol.ProtocolError as error:
            self.broken(str(error))
        except Exception as error:  # noqa: BLE001  # whatever the stream raises, those who wait must hear of it
            self._fail(f"stopped answering: {error}")

    def _dispatch(self, frame: Frame) -> None:
        if frame.kind == protocol.BEAT:
            return
        if frame.kind == protocol.ERROR and frame.request == 0:
            raise protocol.ProtocolError(f"it says: {frame.payload[:300]!r}")
        with self._lock:
            exchange = self._exchanges.get(frame.request)
            issued = frame.request <= self._last
        if frame.kind not in _ANSWERS or not issued:
            raise protocol.ProtocolError(
                f"a frame of kind {frame.kind} for request {frame.request} is out of place"
            )
        if exchange is None:
            raise protocol.ProtocolError(f"request {frame.request} had been answered to its end")
        if not exchange.put(frame):
            raise protocol.ProtocolError(f"it goes on answering request {frame.request}, which is over")
        # While a slow taker held this thread back, the agent was not silent.
        self._heard = time.monotonic()

    def _beat(self) -> None:
        while not self._ended.wait(protocol.BEAT_SECONDS):
            if time.monotonic() - self._spoke >= protocol.BEAT_SECONDS:  # a request says as much
                self.send(protocol.BEAT, 0)
            silent = time.monotonic() - self._heard
            if silent > protocol.BEAT_TIMEOUT_SECONDS and not self._held_back():
                self._fail(f"stopped answering: nothing has come for {silent:.0f} s")

    def _held_back(self) -> bool:
        with self._lock:
            return any(exchange.full for exchange in self._exchanges.values())
