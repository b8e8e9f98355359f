"""Packets of a Pod: recorded by an agent, and what they say worked out by a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from podprobe.decoding import decode
from podprobe.errors import AgentError, LookError
from podprobe.model.capture import Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podprobe.agents.client import Agent
    from podprobe.agents.filters import Program
    from podprobe.capturing.sink import Sink

_PASSIVE = "without it, `podprobe snapshot` shows the kernel's own retransmits and round-trip times of every connection"


@dataclass(frozen=True)
class Recording:
    """How a recording ended."""

    bytes: int
    packets: int | None
    dropped: int | None
    """Packets that found no room in the kernel's buffer; `None` where the agent could not say any more."""
    ended: str = ""
    """Why it ended before its time, where neither the user nor the agent ended it."""


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    hint: str = ""


def capturing_agent(agents: Mapping[str | None, Agent], label: str) -> Agent:
    """An agent that may capture. They all share the Pod's network namespace, so any one sees all packets.

    Raises:
        AgentError: none holds NET_RAW.
    """
    for agent in agents.values():
        if agent.hello.capture:
            return agent
    raise AgentError(
        f"no agent in {label} may capture packets: that needs the capability NET_RAW, which the containers lack too",
        f"ask for an agent that has it: --profile netraw; {_PASSIVE}",
    )


def record(
    agent: Agent,
    interface: str,
    program: Program,
    out: Sink,
    *,
    snap_bytes: int,
    seconds: float,
    most_bytes: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Recording:
    """Write a capture's pcap bytes to `out` until its time is over, the user interrupts it, or there is no more room.

    Args:
        agent: that holds NET_RAW.
        interface: by name.
        program: the compiled filter; empty: every packet.
        out: where to.
        snap_bytes: kept of each packet.
        seconds: for how long; an agent takes `MOST_SECONDS` at most.
        most_bytes: of pcap; as soon as there are so many, it ends.
        progress: told the bytes so far.

    Raises:
        AgentError: the agent may not capture there, or is gone.
    """
    ended = ""
    with agent.capture(interface, program, snap_bytes=snap_bytes, seconds=seconds) as capture:
        while True:
            try:
                for piece in capture:
                    if ended:
                        continue  # the agent ends it, and tells its numbers
                    ended = _kept(out, piece, most_bytes)
                    progress(out.size)
                    if ended:
                        capture.stop()
                break
            except KeyboardInterrupt:
                # What has been captured counts: the agent ends the stream properly, and says what it dropped.
                capture.stop()
    return Recording(out.size, capture.packets, capture.dropped, ended)


def _kept(out: Sink, piece: bytes, most_bytes: int | None) -> str:
    """Keep a piece; why it has to be the last one, or nothing."""
    try:
        out.append(piece)
    except BrokenPipeError:
        raise  # whoever reads has had enough
    except OSError as error:
        return f"the packets cannot be kept any more ({error.strerror})"
    if most_bytes is not None and out.size >= most_bytes:
        return f"{most_bytes >> 20:,} MiB are the bound: narrow it with --filter, or keep the packets with -w FILE"
    return ""


def flows(stream: BinaryIO, name: str = "the capture") -> Capture:
    """What the packets of a capture say of each flow.

    Runs in a process of its own: scapy is large, and a hostile capture must not reach this one.

    Args:
        stream: an open file with pcap or pcapng from where it stands; a real file or pipe, for the process inherits it.
        name: what to call it in errors.

    Raises:
        LookError: it is no capture, or the process failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "podprobe.packets"], stdin=stream, capture_output=True, check=False
    )
    try:
        if done.returncode == 0:
            return decode(done.stdout, Capture)
        refusal = decode(done.stdout, _Refusal)
    except msgspec.DecodeError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise LookError(
            f"reading {name} failed: the process for it ended with {done.returncode} {' '.join(last)}".rstrip()
        ) from None
    raise LookError(refusal.error.replace("the capture", name, 1), refusal.hint)
