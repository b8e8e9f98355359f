"""The thread that reads a source, and the messages it posts."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from textual.message import Message

from podprobe.tui.sources import Looked, Moved
from podprobe.tui.state import Derived

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from podprobe.tui.sources import Report, SnapshotSource

_GOODBYE_SECONDS = 1.0


class Reported(Message):
    """The source has reported something."""

    def __init__(self, report: Report, derived: Derived | None) -> None:
        super().__init__()
        self.report = report
        self.derived = derived


class Reader:
    """Runs a source in a thread. Every report arrives as a `Reported` message.

    A daemon, and not a worker of textual's: at the end those are waited for, and a look may take many seconds.
    """

    def __init__(self, source: SnapshotSource, listener: MessagePump) -> None:
        self._source = source
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name="podprobe reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Tell the source to end, and give it a moment to close its streams."""
        self._source.close()
        if self._thread.is_alive():
            self._thread.join(_GOODBYE_SECONDS)

    def _run(self) -> None:
        # The screen may be gone before the last report; then nobody wants it.
        with contextlib.suppress(RuntimeError):
            self._source.run(self._post)

    def _post(self, report: Report) -> None:
        derived = None
        if isinstance(report, Looked | Moved):
            derived = Derived(report.snapshot)
            _ = derived.sockets
        self._listener.post_message(Reported(report, derived))
