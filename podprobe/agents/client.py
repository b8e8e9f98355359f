"""One agent, spoken to over its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.agents.answers import Areas, Hello, ProbeAnswer
    from podprobe.agents.stream import Stream


class Agent:
    """A connected agent. Thread-safe: several requests may be under way at once.

    Args:
        stream: over which the bundle has already been sent.
        container: the container whose PID namespace the agent is in; `None` for a whole Pod.
    """

    hello: Hello

    def __init__(self, stream: Stream, container: str | None) -> None:
        self.stream = stream
        self.container = container

    @property
    def alive(self) -> bool:
        """The stream is open and the last heartbeat is recent."""
        raise NotImplementedError

    def look(
        self,
        areas: Sequence[str],
        *,
        walk: Sequence[str] = (),
        walk_seconds: float = 2.0,
        timeout: float = 10.0,
        redact: Sequence[str] = (),
    ) -> Areas:
        """Ask for areas (`answers.OWN`, `answers.SHARED`).

        Args:
            areas: what to ask for.
            walk: directories to count, as the container has them, for the area `walks`.
            walk_seconds: time budget of all walks together.
            timeout: seconds to wait for the whole answer.
            redact: regular expressions of the user's, besides those the agent redacts anyway.

        Raises:
            AgentError: the agent is gone, broke the protocol, or did not answer in `timeout` seconds.
        """
        raise NotImplementedError

    def probe(self, kind: str, to: str, *, count: int, interval: float, timeout: float) -> ProbeAnswer:
        """Run an active probe: `tcp` and `udp` to `HOST:PORT`, `unix` to a path or `@name`, `http` to a URL."""
        raise NotImplementedError

    def capture(
        self, interface: str, program: Sequence[tuple[int, int, int, int]], *, snap_bytes: int, seconds: float
    ) -> Iterator[bytes]:
        """A capture as pcap bytes, header first. `program` is a classic-BPF filter, one tuple an instruction."""
        raise NotImplementedError

    def close(self) -> None:
        """End the stream."""
        raise NotImplementedError
