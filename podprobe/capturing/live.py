"""A capture that is looked at while it is made: packets to a spool, flow statistics every second.

Three threads. One takes what the agent sends into a file without a name; one feeds the file to the process that
dissects it; one takes what that process says. A slow dissection holds nothing up: it falls behind, and catches up.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from podprobe.capturing.spool import Spool
from podprobe.decoding import decode
from podprobe.errors import LookError, PodprobeError
from podprobe.model.capture import Capture

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.agents.captures import Capture as Stream
    from podprobe.agents.client import Agent
    from podprobe.agents.filters import Program

Phase: TypeAlias = Literal["starting", "capturing", "ending", "ended"]

SPOOL_BYTES = 256 << 20
"""Of packets at most; at 128 bytes each, 1.8 million. Then the capture ends by itself."""
MOST_SECONDS = 3600.0
TELL_SECONDS = 1.0
"""From one statement about the flows to the next."""
_MOST_LINE = 64 << 20
"""Of the dissecting process's statement: 10,000 flows take a tenth of it."""


@dataclass(frozen=True)
class Progress:
    """How a capture stands."""

    phase: Phase
    seconds: float
    """Since the first packet could come; at the end, for how long it lasted."""
    bytes: int
    """Of pcap, in the spool."""
    packets: int | None
    """By the agent's count, a second old at most; `None` before it has said one."""
    dropped: int | None
    """That found no room in the kernel's buffer."""
    behind_bytes: int
    """In the spool and not yet dissected, by what the process has taken."""
    flows: Capture | None
    """What the packets dissected until now say."""
    full: bool
    """It has ended because the spool is full."""
    error: PodprobeError | None
    """Why it ended, where nobody asked it to."""


class LiveCapture:
    """A capture under way. Every method may be called from any thread, and none waits.

    Args:
        agent: that holds NET_RAW.
        interface: by name.
        program: the compiled filter; empty: every packet.
        snap_bytes: kept of each packet.
        spool_bytes: of packets; what comes after the piece that fills them is dropped.
    """

    def __init__(
        self,
        agent: Agent,
        interface: str,
        program: Program = (),
        *,
        snap_bytes: int = 128,
        spool_bytes: int = SPOOL_BYTES,
    ) -> None:
        self._agent = agent
        self._interface = interface
        self._program = program
        self._snap_bytes = snap_bytes
        self._spool_bytes = spool_bytes
        self._spool = Spool()
        self._changed = threading.Condition()
        self._stream: Stream | None = None
        self._began = self._ended = 0.0
        self._fed = 0
        self._stopped = self._full = self._done = self._closed = False
        self._flows: Capture | None = None
        self._error: PodprobeError | None = None
        self._dissector: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin. What goes wrong is told by `progress`."""
        threading.Thread(target=self._run, name="podprobe capture", daemon=True).start()

    @property
    def progress(self) -> Progress:
        """How it stands now."""
        with self._changed:
            stream = self._stream
            until = self._ended or time.monotonic()
            return Progress(
                phase=self._phase(),
                seconds=until - self._began if self._began else 0.0,
                bytes=self._spool.size,
                packets=stream.packets if stream else None,
                dropped=stream.dropped if stream else None,
                behind_bytes=self._spool.size - self._fed,
                flows=self._flows,
                full=self._full,
                error=self._error,
            )

    def _phase(self) -> Phase:
        if self._done:
            return "ended"
        if self._stopped or self._full or self._ended:
            return "ending"
        return "capturing" if self._began else "starting"

    def stop(self) -> None:
        """End it. What is under way still comes, and is dissected."""
        with self._changed:
            self._stopped = True
            stream = self._stream
        if stream is not None:
            # The agent's stream may be full, and sending wait for it; whoever stops a capture waits for nothing.
            threading.Thread(target=stream.stop, name="podprobe capture: stop", daemon=True).start()

    def close(self) -> None:
        """Let go of it, packets and all."""
        self.stop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if self._dissector is not None:
                self._dissector.kill()
        self._release()

    def save(self, file: Path) -> int:
        """Write the packets there are to a pcap file.

        Returns:
            bytes written.

        Raises:
            OSError: it cannot be written.
        """
        return self._spool.save(file)

    # --- the threads

    def _run(self) -> None:
        dissecting: threading.Thread | None = None
        try:
            with self._agent.capture(
                self._interface, self._program, snap_bytes=self._snap_bytes, seconds=MOST_SECONDS
            ) as stream:
                for piece in stream:
                    self._take(piece, stream)
                    if dissecting is None:
                        # The first piece is the header: the agent may capture, and there is something to dissect.
                        dissecting = threading.Thread(
                            target=self._dissect, name="podprobe flows", daemon=True
                        )
                        dissecting.start()
        except PodprobeError as error:
            self._fail(error)
        except OSError as error:
            self._fail(LookError(f"the packets cannot be kept: {error.strerror}", "make room in TMPDIR"))
        with self._changed:
            self._ended = time.monotonic()
            self._changed.notify_all()
        if dissecting is not None:
            dissecting.join()
        with self._changed:
            self._done = True
        self._release()

    def _release(self) -> None:
        with self._changed:
            if self._done and self._closed:
                self._spool.close()

    def _take(self, piece: bytes, stream: Stream) -> None:
        if not self._full:
            self._spool.append(piece)
        with self._changed:
            begins = self._stream is None
            if begins:
                self._stream, self._began = stream, time.monotonic()
            fills = not self._full and self._spool.size >= self._spool_bytes
            self._full |= fills
            over = fills or (begins and self._stopped)
            self._changed.notify_all()
        if over:
            stream.stop()

    def _dissect(self) -> None:
        """Feed the process that dissects until it has all of it; every second it says what it has found."""
        with self._changed:
            if self._closed:
                return
            process = self._dissector = subprocess.Popen(
                [sys.executable, "-m", "podprobe.packets", "--every", str(TELL_SECONDS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        with process:
            listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
            listening.start()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it has ended, or was ended: its exit status tells
                while piece := self._next_piece():
                    process.stdin.write(piece)
                    process.stdin.flush()  # a few packets are no 128 KiB, Python's buffer from 3.14 on
                    with self._changed:
                        self._fed += len(piece)
                process.stdin.close()
            listening.join()
        if process.returncode and not self._closed:
            self._fail(
                LookError(
                    f"working out the flows failed: the process for it ended with {process.returncode}",
                    "the packets are there: save them, and read them with podprobe capture --read",
                )
            )

    def _next_piece(self) -> bytes:
        """What the process has not had yet; waits for more. Empty once it has had all."""
        with self._changed:
            while self._fed == self._spool.size and not self._ended and not self._closed:
                self._changed.wait()
            return b"" if self._closed else self._spool.read(self._fed)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        while line := process.stdout.readline(_MOST_LINE):
            if line.startswith(b'{"error"'):
                continue
            with contextlib.suppress(msgspec.DecodeError):
                capture = decode(line, Capture)
                with self._changed:
                    self._flows = capture

    def _fail(self, error: PodprobeError) -> None:
        with self._changed:
            self._error = self._error or error
