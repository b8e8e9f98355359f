"""Frames over a stream, both ways: requests with their answers, several at once, and heartbeats."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from podprobe.agents.stream import StreamClosedError
from podprobe.errors import AgentError
from podprobe_agent import protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from podprobe.agents.stream import Stream
    from podprobe_agent.protocol import Frame, FrameDecoder

_HELD_BYTES = 16 << 20
"""Of one request's answer, at most this much waits to be taken. Beyond, the agent is held back."""
_LATE_BYTES = 64 << 20
"""Of an answer that is over time because its taker was slow, or that nobody wants any more: what may still be under way
is a small part of it. More comes of no honest agent."""
_CANCEL_SECONDS = 10.0
"""An agent ends an answer that is cancelled within a moment; a busy machine may take longer."""
_ANSWERS = frozenset((protocol.PART, protocol.ROWS, protocol.DATA, protocol.END, protocol.ERROR))
_FINAL = frozenset((protocol.END, protocol.ERROR))
_FRAME_BYTES = 200
"""What holding a frame takes besides its payload: without it, empty frames would be held without a bound."""


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


class Exchange:
    """One request's answer: iterate over its frames; the last is END or ERROR.

    What came in time can be taken at any time. Time that the agent was held back by the taker is not the agent's.

    Raises, while iterating:
        AgentError: the agent is gone, or the time is over.
    """

    def __init__(self, wire: Wire, request: int, deadline: float) -> None:
        self.request = request
        self._wire = wire
        self._deadline = deadline
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._held = 0
        self._waited = 0.0
        """Seconds for which the reader waited for the taker."""
        self._arriving = False
        """The reader has a frame, and waits for room."""
        self._late = 0
        """Bytes that came after the deadline, or once nobody wanted them."""
        self._over = False
        """The time is over: nothing more is taken in."""
        self._finished = False
        self._abandoned = False

    @property
    def full(self) -> bool:
        """The reader waits for the taker."""
        return self._held > _HELD_BYTES

    def put(self, frame: Frame) -> bool:
        """Take in a frame (the reader's side). Waits while too much is held.

        Returns:
            False where so much comes of what is over that no honest agent can have sent it.
        """
        with self._changed:
            now = time.monotonic()
            if self._abandoned or now > self._deadline:
                self._late += _size(frame)
                self._over |= now > self._deadline + self._waited or self._late > _LATE_BYTES
                self._changed.notify_all()
            self._arriving = True
            while self.full and self._wanted and self._wire.failure() is None:
                self._changed.wait(1.0)
            self._waited += time.monotonic() - now
        if frame.kind in _FINAL:
            # Not before there is room: while the reader waits for it, this is why the agent is not heard. And before
            # it can be taken: the taker's next request is on its way by then.
            self._wire.forget(self.request)
        with self._changed:
            self._arriving = False
            if self._wanted:
                self._frames.append(frame)
                self._held += _size(frame)
            self._changed.notify_all()
        return self._late <= 2 * _LATE_BYTES

    @property
    def _wanted(self) -> bool:
        return not self._abandoned and not self._over

    def wake(self) -> None:
        """The wire has failed: let those who wait see it."""
        with self._changed:
            self._changed.notify_all()

    def cancel(self) -> None:
        """Ask the agent to end its answer early. What it still sends can be taken, for some seconds."""
        if not self._finished:
            with self._changed:
                self._deadline = min(self._deadline, time.monotonic() + _CANCEL_SECONDS)
            self._wire.send(protocol.CANCEL, self.request)

    def finish(self) -> None:
        """The last frame has been taken."""
        self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Nobody takes the answer any more."""
        if not self._finished:
            with contextlib.suppress(AgentError):
                self.cancel()
            with self._changed:
                self._abandoned = True
                self._frames.clear()
                self._held = 0
                self._changed.notify_all()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        with self._changed:
            while not self._frames:
                if self._finished:
                    raise StopIteration
                if failure := self._wire.failure():
                    raise failure
                wait = self._deadline + self._waited - time.monotonic()
                if self._arriving:
                    wait = 1.0  # it was in time, or will be judged
                elif wait <= 0 or self._over:
                    raise AgentError(
                        f"the agent {self._wire.place} did not answer in time",
                        "give it more with --request-timeout",
                    )
                self._changed.wait(wait)
            frame = self._frames.popleft()
            self._held -= _size(frame)
            self._changed.notify_all()
        if frame.kind in _FINAL:
            self.finish()
        return frame


def _size(frame: Frame) -> int:
    return len(frame.payload) + _FRAME_BYTES
