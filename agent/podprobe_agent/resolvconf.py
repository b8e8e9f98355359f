"""What a container's C library goes by when it resolves names: resolv.conf, nsswitch.conf, and which library it is."""

from __future__ import annotations

import os
import socket

from podprobe_agent import inroot
from podprobe_agent.lean import NamedTuple

_MOST_BYTES = 64 << 10
_MOST_WORDS = 64
_MOST_LETTERS = 255
"""Of a word; a domain name has fewer."""

_LOADERS = (
    (b"/lib/ld-musl-x86_64.so.1", "musl"),
    (b"/lib/ld-musl-aarch64.so.1", "musl"),
    (b"/lib64/ld-linux-x86-64.so.2", "glibc"),
    (b"/lib/ld-linux-aarch64.so.1", "glibc"),
)
"""The dynamic loader that a program of the container would be started with, by C library."""


class Settings(NamedTuple):
    """resolv.conf as written; what the library makes of it (limits, defaults) is the client's to know."""

    servers: list[str]
    """Addresses, an IPv6 one with its zone (`fe80::1%eth0`). What is no address is left out, as libraries do."""
    search: list[str]
    options: list[str]


def read(door: int) -> Settings:
    """The settings of a container.

    Args:
        door: a process through whose root the container's files are reached.

    Raises:
        OSError: its root is closed, or there is no resolv.conf.
    """
    return parse(inroot.read_file(door, b"/etc/resolv.conf", _MOST_BYTES))


def read_own() -> Settings:
    """The agent's own. The kubelet gives every container of a Pod the same, an agent's included.

    Raises:
        OSError: there is none.
    """
    with open("/etc/resolv.conf", "rb") as file:
        return parse(file.read(_MOST_BYTES))


def parse(content: bytes) -> Settings:
    """Read as the libraries do: a keyword at the beginning of a line, the last `search` or `domain` counts."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in content.decode("utf-8", "replace").splitlines():
        if line[:1] in ("#", ";"):
            continue
        keyword, *words = _words(line) or [""]
        if not line.startswith(keyword):
            continue  # blanks before a keyword: neither library takes it for one (glibc res_init.c, musl resolvconf.c)
        if keyword == "nameserver" and words and is_address(words[0]) and len(servers) < _MOST_WORDS:
            servers.append(words[0])
        elif keyword == "search":
            search = words
        elif keyword == "domain" and words:
            search = words[:1]
        elif keyword == "options":
            options = (options + words)[:_MOST_WORDS]
    return Settings(servers, search, options)


def hosts_order(door: int) -> list[str] | None:
    """The sources of host names in nsswitch.conf, in order (`files`, `dns`); `None` where it does not say.

    Only glibc reads the file. It may hold anything, but names of sources are words.
    """
    try:
        content = inroot.read_file(door, b"/etc/nsswitch.conf", _MOST_BYTES)
    except OSError:
        return None
    for line in content.decode("utf-8", "replace").splitlines():
        database, colon, sources = line.partition("#")[0].partition(":")
        if colon and database.strip() == "hosts":
            return _words(sources)
    return None


def library(door: int) -> str | None:
    """`musl` or `glibc`, by the dynamic loader that the container has; `None` where it has none, or is closed."""
    for path, name in _LOADERS:
        try:
            os.close(inroot.open_path(door, path))
        except OSError:
            continue
        return name
    return None


def _words(line: str) -> list[str]:
    return [word[:_MOST_LETTERS] for word in line.split()[:_MOST_WORDS]]


def is_address(text: str) -> bool:
    """An IPv4 address, or an IPv6 one, which may have a zone."""
    address, _, zone = text.partition("%")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if zone and family == socket.AF_INET:
        return False
    try:
        socket.inet_pton(family, address)
    except (OSError, ValueError):
        return False
    return True
