r"""The first words between client and agent, before there is an agent: a program short enough for a command line.

It tells its platform in one line and takes two blobs from standard input: the agent's modules, compiled where client
and agent have the same kind of Python and as source else, and psutil's extension, which it puts into a memory file.
Nothing is written to a disk: a read-only root without /tmp, another user than root, and no capabilities are all fine.

The dialogue::

    agent   "podprobe-bootstrap 2 x86_64 glibc 3.13 64 cpython-313/f30d0d0a\n"
    client  decimal lengths of the modules, the extension (compressed; empty: none) and the JSON arguments; "\n"; these
    agent   frames from here on, the first a HELLO

The modules are a marshalled tuple: whether they are compiled, the loader, and a list of the others (`loader.Module`).
"""

from __future__ import annotations

import importlib.util
import sys
import zlib
from dataclasses import dataclass

SOURCE = """
import marshal, os, sys, zlib
try: libc = os.confstr("CS_GNU_LIBC_VERSION") or "musl"
except (ValueError, OSError): libc = "musl"
code = "%s/%s" % (sys.implementation.cache_tag, sys.modules["_frozen_importlib_external"].MAGIC_NUMBER.hex())
os.write(1, ("podprobe-bootstrap 2 %s %s %d.%d %d %s\\n" % ((os.uname()[4], libc.split()[0]) + sys.version_info[:2]
    + (64 if sys.maxsize >> 32 else 32, code))).encode())
def read(size):
    data = bytearray()
    while len(data) < size:
        piece = os.read(0, min(size - len(data), 65536))
        if not piece: sys.exit("podprobe: the stream ended while the agent was being sent")
        data += piece
    return bytes(data)
def line():
    text = b""
    while not text.endswith(b"\\n"): text += read(1)
    return text
def store(name, data):
    if not data: return None
    data = memoryview(data)
    file = os.memfd_create(name)
    while data: data = data[os.write(file, data):]
    return "/proc/self/fd/%d" % file
sizes = [int(word) for word in line().split()]
compiled, loader, modules = marshal.loads(read(sizes[0]))
extension = store("psutil", zlib.decompress(read(sizes[1])))
arguments = read(sizes[2])
scope = {"__name__": "podprobe_agent.loader"}
exec(marshal.loads(loader) if compiled else compile(loader, "podprobe_agent/loader.py", "exec"), scope)
delivery = scope["install"](compiled, modules)
del modules
from podprobe_agent.start import start
start(extension, arguments, delivery)
"""
"""Runs on any Python 3, to be able to say that one is too old. Standard input is read unbuffered and exactly: what
follows the blobs is frames."""

COMMAND = ("python3", "-I", "-S", "-B", "-OO", "-X", "no_debug_ranges", "-c", SOURCE.strip())
"""`-I -S`: nothing of the image's but its standard library. `-B`: it compiles for itself alone, and writes nothing.
`-OO` and `no_debug_ranges` (Python 3.11; ignored before): no docstrings, no column numbers: less memory."""

GREETING = b"podprobe-bootstrap 2 "
GREETING_BYTES = 200
"""Longer than any first line is."""

OLDEST_PYTHON = (3, 9)


@dataclass(frozen=True)
class Platform:
    """What an agent is about to run on, by its own word."""

    machine: str
    """`uname -m` of the kernel."""
    libc: str
    """`glibc` or `musl`."""
    python: tuple[int, int]
    bits: int
    """Of the Python program: 32 is possible on a 64-bit kernel."""
    code: str
    """Which compiled code it runs: `cpython-313/f30d0d0a`, the implementation's tag and its magic number."""


def parse(line: bytes) -> Platform | None:
    """The platform from the first line, or `None` where it is no such line."""
    if not line.startswith(GREETING):
        return None
    words = line[len(GREETING) :].decode("ascii", "replace").split()
    try:
        machine, libc, version, bits, code = words
        major, _, minor = version.partition(".")
        return Platform(machine, libc, (int(major), int(minor)), int(bits), code)
    except ValueError:
        return None


def own_code() -> str:
    """As `Platform.code`, of this process."""
    return f"{sys.implementation.cache_tag}/{importlib.util.MAGIC_NUMBER.hex()}"


def answer(code: bytes, extension: bytes, arguments: bytes) -> bytes:
    """What the program waits for."""
    packed = zlib.compress(extension, 1)  # a tenth larger, in a quarter of the time
    return b"%d %d %d\n" % (len(code), len(packed), len(arguments)) + code + packed + arguments
