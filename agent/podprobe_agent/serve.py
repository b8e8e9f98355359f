"""The agent's one loop: requests in, frames out, heartbeats meanwhile, and an end as soon as nobody looks.

The main thread waits for requests, the clock and nothing else; each request is answered by a thread of its own,
so a long walk or a capture holds up neither heartbeats nor other requests. The agent ends

- when its input ends or its output breaks,
- at SIGTERM, at once: it must never delay a Pod's deletion,
- when no frame has come for `protocol.BEAT_TIMEOUT_SECONDS`: a cut exec stream is not always told to this side.

It ends by `ending.leave`, without delay and without leaving a child behind.
"""

from __future__ import annotations

import _thread
import gc
import importlib
import json
import os
import select
import signal
import threading
import time

from podprobe_agent import ending, identity, protocol
from podprobe_agent.errors import RefusedError
from podprobe_agent.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podprobe_agent.loader import Delivery

_READ_BYTES = 64 << 10

_VERBS = {
    "look": "look",
    "probe": "probes.run",
    "capture": "capture",
    "exchange": "exchange",
    "admin": "admin",
}
"""Verb to the module whose `run` answers it; imported when first asked for."""


def main(
    psutil_version: str | None = None, psutil_error: str | None = None, delivery: Delivery | None = None
) -> None:
    """Serve on standard input and output until one of the ends above. Does not return."""
    if delivery:
        ending.before(delivery.end)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    server = Server(0, 1, delivery)
    # What a look makes holds no cycles; to search for some a hundred times a look finds none.
    gc.set_threshold(20_000, 10, 10)
    server.output.send_json(protocol.HELLO, 0, identity.hello(psutil_version, psutil_error))
    try:
        server.run()
    except BaseException:
        ending.settle()
        raise
    ending.leave(0)


def _leave(number: int, _: object) -> None:
    # Not the default action: as PID 1 of a container the agent would not be ended by it.
    ending.leave(128 + number)


class Server:
    """Answers the requests that arrive on one descriptor with frames on another."""

    def __init__(self, source: int, sink: int, delivery: Delivery | None = None) -> None:
        # Not when the thread that answers is done: the client sends its next request as soon as it has read END.
        self.output = Output(sink, lambda request: self._cancels.pop(request, None))
        self._source = source
        self._delivery = delivery
        self._decoder = protocol.FrameDecoder()
        self._cancels: dict[int, threading.Event] = {}

    def run(self) -> None:
        """Serve until the input ends, breaks the protocol, or falls silent."""
        waiter = select.poll()
        waiter.register(self._source, select.POLLIN)
        if self._delivery and not self._delivery.complete:
            waiter.register(self._delivery, select.POLLIN)
        now = heard = beaten = time.monotonic()
        while now - heard < protocol.BEAT_TIMEOUT_SECONDS:
            # An answer says as much as a heartbeat.
            beaten = max(beaten, self.output.written_at)
            ready = {fd for fd, _ in waiter.poll(max(0.0, beaten + protocol.BEAT_SECONDS - now) * 1000)}
            if self._source in ready:
                if not self._receive():
                    return
                heard = time.monotonic()
            elif ready and self._delivery and not self._delivery.advance():
                waiter.unregister(self._delivery)
                self._delivery = None
            now = time.monotonic()
            if now - max(beaten, self.output.written_at) >= protocol.BEAT_SECONDS:
                self.output.beat()
                beaten = now

    def _receive(self) -> bool:
        """Take what has arrived; false at the end of the stream."""
        try:
            data = os.read(self._source, _READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
        except protocol.ProtocolError as error:
            self.output.send_json(protocol.ERROR, 0, {"message": str(error)})
            return False
        return True

    def _take(self, frame: protocol.Frame) -> None:
        if frame.kind == protocol.REQUEST:
            if len(self._cancels) >= protocol.MAX_REQUESTS or frame.request in self._cancels:
                raise protocol.ProtocolError(
                    f"request {frame.request} is one too many, or was already under way "
                    f"({len(self._cancels)} are, {protocol.MAX_REQUESTS} may be)"
                )
            cancelled = self._cancels[frame.request] = threading.Event()
            # Without what threading.Thread adds: to wait until the new thread runs costs as much as a small area.
            _thread.start_new_thread(self._answer, (frame, cancelled))
        elif frame.kind == protocol.CANCEL and (pending := self._cancels.get(frame.request)):
            pending.set()

    def _answer(self, frame: protocol.Frame, cancelled: threading.Event) -> None:
        """Answer one request, whatever happens, with one END or ERROR."""
        try:
            arguments: dict[str, Any] = json.loads(frame.payload)
            module = importlib.import_module(f"podprobe_agent.{_VERBS[arguments['verb']]}")
            module.run(arguments, frame.request, self.output, cancelled)
        except Exception as error:  # noqa: BLE001  # the client is told, and the agent goes on
            message = (
                f"{type(error).__name__}: {error}" if not isinstance(error, RefusedError) else str(error)
            )
            self.output.send_json(protocol.ERROR, frame.request, {"message": message})
