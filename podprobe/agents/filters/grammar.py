"""The filter language, the part that podprobe compiles itself: words to a tree."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

Transport = Literal["tcp", "udp", "sctp"]
Direction = Literal["src", "dst"]

PROTOCOLS = frozenset({"tcp", "udp", "icmp", "icmp6", "ip", "ip6", "arp"})
_JOINTS = {"&&": "and", "||": "or", "!": "not"}
_TOKEN = re.compile(r"\s*(\(|\)|&&|\|\||!|[0-9a-zA-Z.:]+)")
_MOST_TOKENS = 200
"""Bounds the depth of the tree, and the program."""


class FilterSyntaxError(Exception):
    """Not in the part of the language that podprobe compiles."""


@dataclass(frozen=True)
class Is:
    """The packet is of a protocol."""

    protocol: str


@dataclass(frozen=True)
class Port:
    """TCP, UDP or SCTP from or to a port."""

    number: int
    transports: tuple[Transport, ...]
    ends: tuple[Direction, ...]


@dataclass(frozen=True)
class Host:
    """IP from or to an address."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    ends: tuple[Direction, ...]


@dataclass(frozen=True)
class Not:
    """The opposite."""

    of: Node


@dataclass(frozen=True)
class Both:
    """`and`."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Either:
    """`or`."""

    left: Node
    right: Node


Node = Is | Port | Host | Not | Both | Either


def parse(expression: str) -> Node:
    """The tree of an expression. As in tcpdump `and` and `or` bind equally, to the left.

    Raises:
        FilterSyntaxError: it is outside the part of the language that is known here.
    """
    parser = _Parser(_tokens(expression))
    node = parser.expression()
    if parser.words:
        raise FilterSyntaxError(f"{parser.words[0]!r} is not expected there")
    return node


def _tokens(expression: str) -> list[str]:
    words, position = [], 0
    stripped = expression.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise FilterSyntaxError(f"{stripped[position:].strip()[:20]!r} is not known")
        words.append(_JOINTS.get(match[1], match[1]))
        position = match.end()
    if len(words) > _MOST_TOKENS:
        raise FilterSyntaxError(f"it has {len(words)} words; {_MOST_TOKENS} are allowed")
    return words


class _Parser:
    def __init__(self, words: list[str]) -> None:
        self.words = words

    def expression(self) -> Node:
        node = self._term()
        while self.words and self.words[0] in ("and", "or"):
            joint = self._next()
            # `port 80 or 443` repeats the qualifiers; that is rare, and tcpdump's to read.
            right = self._term()
            node = Both(node, right) if joint == "and" else Either(node, right)
        return node

    def _term(self) -> Node:
        if self._take("not"):
            return Not(self._term())
        if self._take("("):
            node = self.expression()
            if not self._take(")"):
                raise FilterSyntaxError("a parenthesis is not closed")
            return node
        return self._primitive()

    def _primitive(self) -> Node:
        protocol = self._next() if self.words and self.words[0] in PROTOCOLS else None
        ends: tuple[Direction, ...] = ("src", "dst")
        if self.words and self.words[0] in ("src", "dst"):
            ends = ("src",) if self._next() == "src" else ("dst",)
        elif protocol is not None and (not self.words or self.words[0] not in ("port", "host")):
            return Is(protocol)
        if self._take("port"):
            transports: tuple[Transport, ...] = ("tcp", "udp", "sctp")
            if protocol in ("tcp", "udp"):
                transports = ("tcp",) if protocol == "tcp" else ("udp",)
            elif protocol is not None:
                raise FilterSyntaxError(f"{protocol} has no ports")
            return Port(self._number(), transports, ends)
        if not self._take("host") and len(ends) > 1:
            raise FilterSyntaxError(f"{self._next()!r} is not known")
        host = Host(self._address(), ends)
        if protocol is not None and protocol not in ("ip", "ip6"):
            raise FilterSyntaxError(f"'{protocol} host' is not known")
        return Both(Is(protocol), host) if protocol else host

    def _take(self, word: str) -> bool:
        if self.words and self.words[0] == word:
            self.words.pop(0)
            return True
        return False

    def _next(self) -> str:
        if not self.words:
            raise FilterSyntaxError("it ends too early")
        return self.words.pop(0)

    def _number(self) -> int:
        word = self._next()
        if not (word.isascii() and word.isdecimal()) or len(word) > 5 or int(word) > 65535:
            raise FilterSyntaxError(f"{word!r} is no port number")
        return int(word)

    def _address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        word = self._next()
        try:
            return ipaddress.ip_address(word)
        except ValueError:
            raise FilterSyntaxError(f"{word!r} is no address") from None
