"""`podprobe capture`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from podprobe.cli.options import WAIT, access_options, end_progress, show_progress, target_argument
from podprobe.cli.terminal import emit
from podprobe.errors import UsageError

if TYPE_CHECKING:
    from podprobe.capturing import Recording
    from podprobe.capturing.sink import Sink
    from podprobe.model import Snapshot
    from podprobe.model.capture import Capture
    from podprobe.targets.access import Access

_MOST_BYTES = 1 << 30
"""Of packets that are kept for their flows alone, on this machine; at 128 bytes each, 7 million."""


@click.command(
    "capture",
    epilog="""
    \b
    Examples:
      podprobe capture web-7d9f --filter 'tcp port 5000'     loopback for 30 s, then what each flow did
      podprobe capture web-7d9f -i eth0 -w web.pcap          keep the packets, too
      podprobe capture web-7d9f -w - -s 65535 | wireshark -k -i -
      podprobe capture --read web.pcap -o json               what an existing capture says
    """,
)
@target_argument(required=False)
@click.option("-i", "--interface", default="lo", show_default=True, help="Interface of the Pod.")
@click.option("--filter", "expression", default="", help="Only these packets, as tcpdump writes it.")
@click.option(
    "--duration",
    type=WAIT,
    default="30s",
    show_default=True,
    help="For how long, 1h at most; Ctrl-C ends it early.",
)
@click.option(
    "-s", "--snaplen", type=click.IntRange(64, 65535), default=128, show_default=True,
    help="Bytes kept of each packet: the default has the headers and no payload to speak of.",
)  # fmt: skip
@click.option(
    "-w", "--write", metavar="FILE", help="Write the packets to a pcap file; - is stdout, and no table then."
)
@click.option("--read", "source", metavar="FILE", help="Read a capture instead of making one; - is stdin.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
@access_options
def command(
    target: str | None,
    interface: str,
    expression: str,
    duration: float,
    snaplen: int,
    write: str | None,
    source: str | None,
    output: str,
    access: Access,
) -> None:
    """Capture packets of a Pod, and say what they tell of each flow.

    Handshake time, round trips, what was sent again and why, closed windows, resets. Needs NET_RAW: an agent of a
    container that has it, or --profile netraw.
    """
    if (target is None) == (source is None):
        raise UsageError(
            "say either a TARGET to capture from, or --read FILE", "podprobe capture --help has examples"
        )
    if source is not None:
        if write is not None or expression:
            raise UsageError(
                "--read takes neither --write nor --filter", "tcpdump -r FILE -w OTHER filters a file"
            )
        _print(_read(source), output)
        return
    assert target is not None
    _check_duration(duration)
    with _packets(write) as out:
        most = None if write else _MOST_BYTES
        recording, snapshots = _record(target, access, interface, expression, duration, snaplen, out, most)
        _tell(recording, write)
        if write != "-":
            _print(_flows(out.stream, recording, snapshots), output)


def _check_duration(seconds: float) -> None:
    from podprobe.capturing.live import MOST_SECONDS

    if seconds > MOST_SECONDS:
        raise UsageError(
            f"--duration: an agent captures for {MOST_SECONDS / 3600:g} h at most",
            "say 1h or less; for longer, capture again, each time with a -w FILE of its own",
        )


def _packets(write: str | None) -> Sink:
    """Where the packets go: stdout, the file asked for, or one that vanishes."""
    from podprobe.capturing.sink import to_file, to_spool, to_stdout

    if write is None:
        return to_spool()
    if write != "-":
        return to_file(write)
    if sys.stdout.isatty():
        raise UsageError(
            "packets are no text for a terminal", "pipe them: podprobe capture … -w - | tcpdump -r -"
        )
    return to_stdout()


def _record(
    target: str,
    access: Access,
    interface: str,
    expression: str,
    seconds: float,
    snaplen: int,
    out: Sink,
    most_bytes: int | None,
) -> tuple[Recording, list[Snapshot]]:
    from podprobe.agents.filters import compile_filter
    from podprobe.capturing import capturing_agent, record
    from podprobe.report.neutral import neutral
    from podprobe.session import Session, SessionOptions
    from podprobe.targets.base import Progress
    from podprobe.targets.resolve import open_target, parse

    program = compile_filter(expression)
    opened = open_target(parse(target), access)
    with Session(opened, SessionOptions(active=False, all_connections=True), show_progress) as session:
        try:
            agent = capturing_agent(opened.agents(show_progress).agents, opened.label)
            before = session.look()
            click.echo(
                f"capturing on {interface} of {neutral(opened.label)} for {seconds:g} s; Ctrl-C ends it early",
                err=True,
            )
            recording = record(
                agent, interface, program, out, snap_bytes=snaplen, seconds=seconds, most_bytes=most_bytes,
                progress=lambda size: show_progress(Progress(f"{size / 1e6:.1f} MB captured")),
            )  # fmt: skip
            after = session.look()
        finally:
            end_progress()
    return recording, [before, after]


def _tell(recording: Recording, write: str | None) -> None:
    where = f" to {write}" if write and write != "-" else ""
    packets = "an unknown number of" if recording.packets is None else f"{recording.packets:,}"
    dropped = "unknown" if recording.dropped is None else f"{recording.dropped:,}"
    click.echo(f"captured {packets} packets{where}, dropped {dropped}", err=True)
    if recording.ended:
        kept = f"{recording.bytes / 1e6:.1f} MB"
        click.echo(f"podprobe: the capture ended early: {recording.ended}; {kept} were kept", err=True)


def _flows(out: BinaryIO, recording: Recording, snapshots: list[Snapshot]) -> Capture:
    import msgspec

    from podprobe.analysis.captured import with_containers
    from podprobe.capturing import flows

    out.seek(0)
    return with_containers(msgspec.structs.replace(flows(out), dropped=recording.dropped), *snapshots)


def _read(source: str) -> Capture:
    from podprobe.capturing import flows

    if source == "-":
        return flows(sys.stdin.buffer, "standard input")
    try:
        with Path(source).open("rb") as stream:
            return flows(stream, source)
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror}") from None


def _print(capture: Capture, output: str) -> None:
    from podprobe.model import json_text
    from podprobe.report.capture import page

    if output == "json":
        emit(json_text(capture) + "\n")
        return
    terminal = sys.stdout.isatty()
    color = terminal and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size().columns if terminal else None
    emit(page(capture, color=color, width=width), color=color)
