"""Capture filters: tcpdump's expressions as classic-BPF programs, which the agent hands to its kernel.

No kept Python library compiles them without libpcap. So the part of the language that a Pod needs is compiled here,
the same on every system; anything else is left to tcpdump where the user has it.
"""

from __future__ import annotations

import shutil
import struct
import subprocess

from podprobe.agents.filters.code import Program, generate
from podprobe.agents.filters.grammar import FilterSyntaxError, parse
from podprobe.errors import UsageError

__all__ = ["Program", "compile_filter"]

_SUBSET = (
    "tcp, udp, icmp, ip, ip6, arp, [src|dst] host ADDRESS, [src|dst] port NUMBER, and, or, not, parentheses"
)
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS
_ETHERNET = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def compile_filter(expression: str) -> Program:
    """Compile a filter for Ethernet frames, which is what loopback and a Pod's eth0 carry.

    Args:
        expression: as tcpdump takes it; empty: every packet, and an empty program.

    Raises:
        UsageError: it is no filter, or one that podprobe does not know and no tcpdump is here to ask.
    """
    if not expression.strip():
        return ()
    try:
        return generate(parse(expression))
    except FilterSyntaxError as error:
        if (tcpdump := shutil.which("tcpdump")) is None:
            raise UsageError(
                f"podprobe does not know the filter {expression!r}: {error}",
                f"it knows {_SUBSET}; for the rest of the language install tcpdump on this machine",
            ) from None
        return _ask(tcpdump, expression)


def _ask(tcpdump: str, expression: str) -> Program:
    """Use the compiler of tcpdump. It reads an empty capture, so it needs no device and no privilege."""
    said = subprocess.run(
        [tcpdump, "-r", "-", "-ddd", "--", expression],
        input=_ETHERNET,
        capture_output=True,
        check=False,
        timeout=10,
    )
    lines = said.stdout.decode(errors="replace").split("\n")
    try:
        numbers = [tuple(int(word) for word in line.split()) for line in lines[1:] if line.strip()]
        program = tuple((code, jt, jf, k) for code, jt, jf, k in numbers)
        if said.returncode == 0 and len(program) == int(lines[0]) <= _MOST_INSTRUCTIONS:
            return program
    except ValueError:
        pass
    complaint = said.stderr.decode(errors="replace").strip().splitlines()
    raise UsageError(
        f"{expression!r} is no capture filter: {complaint[-1] if complaint else 'tcpdump says nothing'}",
        "see pcap-filter(7), or say for instance: --filter 'tcp port 5000'",
    )
