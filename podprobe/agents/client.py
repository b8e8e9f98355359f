"""One agent, spoken to over its stream."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podprobe.agents import handshake
from podprobe.agents.answers import AdminPiece, ExchangeAnswer, ProbeAnswer
from podprobe.agents.captures import Capture
from podprobe.agents.gathering import Gathering
from podprobe.agents.reading import values
from podprobe.agents.wire import Wire
from podprobe.decoding import decoder
from podprobe.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.agents.answers import Areas, Hello
    from podprobe.agents.stream import Stream

_AGENT_SHARE = 0.85
"""Of a look's timeout: what the agent gets, so that it ends in time and says what it left out."""
_START_SECONDS = 15.0

_decode_probe = decoder(ProbeAnswer).decode
_decode_admin = decoder(AdminPiece).decode
_decode_exchange = decoder(ExchangeAnswer).decode


class Agent:
    """A connected agent. Thread-safe: several requests may be under way at once.

    Made by `start`. What it says is untrusted: every answer is validated and bounded, and an agent that breaks
    the protocol is cut off.

    Attributes:
        hello: who it is.
        container: whose PID namespace it is in; `None` for a whole Pod.
    """

    def __init__(self, wire: Wire, hello: Hello, container: str | None) -> None:
        self._wire = wire
        self.hello = hello
        self.container = container

    @classmethod
    def start(cls, stream: Stream, container: str | None, timeout: float = _START_SECONDS) -> Agent:
        """Make an agent of a program that has just been started with `podprobe.agents.bootstrap.COMMAND`.

        Args:
            stream: to that program; belongs to the agent from here on, and is closed where this fails.
            container: whose PID namespace the program is in; `None` for a whole Pod.
            timeout: seconds for all of it.

        Raises:
            AgentError: no agent came of it: no or too old a Python, rubbish, silence.
        """
        try:
            hello, decoder, rest = handshake.shake(stream, time.monotonic() + timeout)
        except handshake.FailedError as error:
            stream.close()
            raise AgentError(f"the agent {_place(container)} did not start: {error}", error.hint) from None
        except BaseException:
            stream.close()
            raise
        return cls(Wire(stream, decoder, rest, _place(container)), hello, container)

    @property
    def alive(self) -> bool:
        """The stream is open and the last heartbeat is recent."""
        return self._wire.alive

    def look(
        self,
        areas: Sequence[str],
        *,
        walk: Sequence[str] = (),
        walk_seconds: float = 2.0,
        timeout: float = 10.0,
        redact: Sequence[str] = (),
        root_pid: int = 1,
    ) -> Areas:
        """Ask for areas (`answers.OWN`, `answers.SHARED`) and directories to walk.

        Args:
            areas: what to collect.
            walk: directories as the container has them, for the area `walks`.
            timeout: seconds. The agent is told a little less, so that it says what it did not get to.
            walk_seconds: budget of all walks together.
            redact: regular expressions of the user's for values in command lines that must not leave the Pod.
            root_pid: the container's first process, as the agent numbers it.

        Raises:
            AgentError: the agent is gone, broke the protocol, or did not answer in `timeout` seconds.
        """
        request = {
            "verb": "look",
            "areas": list(areas),
            "walk": list(walk),
            "seconds": timeout * _AGENT_SHARE,
            "walk_seconds": walk_seconds,
            "redact": list(redact),
            "root_pid": root_pid,
        }
        gathering = Gathering(self._wire, areas)
        with self._wire.ask(request, timeout) as exchange:
            for frame in exchange:
                gathering.take(frame)
        return gathering.answer

    def probe(
        self, kind: str, to: str, *, count: int, interval: float, timeout: float, root_pid: int = 1
    ) -> ProbeAnswer:
        """Run an active probe: `tcp`, `udp` and `h2` to `HOST:PORT`, `unix` to a path or `@name`, `http` to a URL.

        Args:
            kind: `tcp`, `udp`, `unix`, `http` or `h2`.
            to: where to.
            count: how many.
            interval: seconds from the beginning of one to that of the next.
            timeout: seconds for each.
            root_pid: the container's first process, as the agent numbers it: whose files a unix path is among.

        Raises:
            AgentError: the agent is gone, broke the protocol, or did not answer in time.
        """
        request = {
            "verb": "probe",
            "kind": kind,
            "to": to,
            "count": count,
            "interval": interval,
            "timeout": timeout,
            "root_pid": root_pid,
        }
        answer = ProbeAnswer()
        with self._wire.ask(request, count * max(interval, timeout) + 5.0) as exchange:
            for answer in values(self._wire, exchange, "probe", _decode_probe):
                if len(answer.samples_ns) > count:
                    raise self._wire.broken(
                        f"{count} probes were asked for, {len(answer.samples_ns)} answered"
                    )
        return answer

    def exchange(
        self,
        servers: Sequence[str],
        payloads: Sequence[bytes],
        sends: Sequence[tuple[float, int]],
        *,
        seconds: float,
        tcp: bool = False,
        root_pid: int = 1,
    ) -> ExchangeAnswer:
        """Have messages carried to name servers of the container's resolv.conf, and what comes back.

        Args:
            servers: addresses.
            payloads: DNS messages; each is told from the others by its first two bytes.
            sends: when each payload without a reply is sent, in seconds, and to which of the servers.
            seconds: for all of it.
            tcp: over connections instead.
            root_pid: the container's first process, as the agent numbers it: whose resolv.conf counts.

        Raises:
            AgentError: the agent refuses, is gone, broke the protocol, or did not answer in time.
        """
        request = {
            "verb": "exchange",
            "servers": list(servers),
            "payloads": list(payloads),
            "sends": list(sends),
            "seconds": seconds,
            "tcp": tcp,
            "root_pid": root_pid,
        }
        answer = ExchangeAnswer()
        with self._wire.ask(request, seconds + 5.0) as exchange:
            for answer in values(self._wire, exchange, "exchange", _decode_exchange):
                if any(one.payload >= len(payloads) or one.server >= len(servers) for one in answer.replies):
                    raise self._wire.broken("it has a reply to what was not sent")
        return answer

    def admin(self, to: str, *, timeout: float) -> dict[str, AdminPiece]:
        """What an Envoy's administration port on loopback says, by piece (`server_info`, `clusters`, `stats`).

        Args:
            to: `127.0.0.1:15000`.
            timeout: seconds for all of it.

        Raises:
            AgentError: the agent refuses, is gone, broke the protocol, or did not answer in time.
        """
        with self._wire.ask({"verb": "admin", "to": to, "timeout": timeout}, timeout + 5.0) as exchange:
            return {piece.piece: piece for piece in values(self._wire, exchange, "admin", _decode_admin)}

    def capture(
        self, interface: str, program: Sequence[tuple[int, int, int, int]], *, snap_bytes: int, seconds: float
    ) -> Capture:
        """A capture as pcap bytes, header first.

        Args:
            interface: by name.
            program: a classic-BPF filter, one tuple an instruction; may be empty: all packets.
            snap_bytes: of each packet, this many are kept.
            seconds: for how long.

        Raises:
            AgentError: the agent is gone. While iterating: it may not capture, or broke the protocol.
        """
        request = {
            "verb": "capture",
            "interface": interface,
            "program": [list(instruction) for instruction in program],
            "snap_bytes": snap_bytes,
            "seconds": seconds,
        }
        return Capture(self._wire, self._wire.ask(request, seconds + 10.0))

    def close(self) -> None:
        """End the stream, and with it the agent."""
        self._wire.close()


def _place(container: str | None) -> str:
    return f"in container {container}" if container else "in the Pod"
