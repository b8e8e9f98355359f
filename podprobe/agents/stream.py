"""The byte stream to an agent's standard input and output, whatever carries it."""

from __future__ import annotations

from typing import Protocol


class StreamClosedError(Exception):
    """The stream ended while it was written to. The text says what is known of why."""


class Stream(Protocol):
    """Two-way bytes. One thread may read while another writes."""

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of `data`; waits while the far side does not take it.

        Raises:
            StreamClosedError: the stream is gone, or not all was taken within `timeout` seconds. What was taken is
                then no whole frame: the stream is of no more use, and is to be closed.
        """

    def read(self, timeout: float) -> bytes | None:
        """What has arrived: some bytes, `b""` at the end of the stream, `None` after `timeout` seconds."""

    def diagnosis(self) -> str:
        """What the far side said last on standard error, and its exit status, for an error message; may be empty."""

    def close(self) -> None:
        """End the stream, and with it the agent's process. Safe to call twice and from any thread."""
