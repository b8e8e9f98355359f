"""One request's answer, as its frames come: held for whoever takes them, within bounds of bytes and of time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from podprobe.errors import AgentError
from podprobe_agent import protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from podprobe.agents.wire import Wire
    from podprobe_agent.protocol import Frame

_HELD_BYTES = 16 << 20
"""Of one request's answer, at most this much waits to be taken. Beyond, the agent is held back."""
_LATE_BYTES = 64 << 20
"""Of an answer that is over time because its taker was slow, or that nobody wants any more: what may still be under way
is a small part of it. More comes of no honest agent."""
_CANCEL_SECONDS = 10.0
"""An agent ends an answer that is cancelled within a moment; a busy machine may take longer."""
_FINAL = frozenset((protocol.END, protocol.ERROR))
_FRAME_BYTES = 200
"""What holding a frame takes besides its payload: without it, empty frames would be held without a bound."""


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
