"""A filter's tree as classic BPF (`struct sock_filter`: code, jump if true, jump if false, operand)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.agents.filters.grammar import (
    Both,
    Direction,
    Either,
    FilterSyntaxError,
    Host,
    Is,
    Node,
    Not,
    Port,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Program = tuple[tuple[int, int, int, int], ...]

ACCEPT = 0x40000  # bytes to keep: more than any packet has; the capture's own snap length cuts further

_LDH, _LDB, _LDW = 0x28, 0x30, 0x20  # load half-word, byte, word at an absolute offset
_LDH_X = 0x48  # load half-word at X + offset
_LDX_IHL = 0xB1  # X = 4 × (byte & 0xf): the length of the IPv4 header
_JEQ, _JSET = 0x15, 0x45
_RET = 0x06

_NEAR = 255  # the farthest that a conditional jump reaches

_ETHERTYPE, _IP = 12, 14
_TYPES = {"ip": 0x0800, "arp": 0x0806, "ip6": 0x86DD}
_NUMBERS = {"icmp": (1, None), "icmp6": (None, 58), "tcp": (6, 6), "udp": (17, 17), "sctp": (132, 132)}
"""The protocol's number in IPv4 and IPv6; IPv6 with extension headers is not followed, as in tcpdump."""


class _Label:
    """A place in the program, known once it is placed."""

    def __init__(self) -> None:
        self.at = -1


class _Code:
    def __init__(self) -> None:
        self.lines: list[tuple[int, int | _Label, int | _Label, int]] = []

    def load(self, code: int, offset: int) -> None:
        self.lines.append((code, 0, 0, offset))

    def jump(self, code: int, value: int, yes: _Label, no: _Label) -> None:
        self.lines.append((code, yes, no, value))

    def place(self, label: _Label) -> None:
        label.at = len(self.lines)

    def finish(self) -> Program:
        def distance(target: int | _Label, position: int) -> int:
            return target if isinstance(target, int) else target.at - position - 1

        program = tuple(
            (code, distance(yes, position), distance(no, position), value)
            for position, (code, yes, no, value) in enumerate(self.lines)
        )
        if any(max(yes, no) > _NEAR for _, yes, no, _ in program):
            raise FilterSyntaxError("it is too long")
        return program


def generate(node: Node) -> Program:
    """Compile a tree.

    Raises:
        FilterSyntaxError: the program would be too long for its jumps.
    """
    code, yes, no = _Code(), _Label(), _Label()
    _node(code, node, yes, no)
    code.place(yes)
    code.lines.append((_RET, 0, 0, ACCEPT))
    code.place(no)
    code.lines.append((_RET, 0, 0, 0))
    return code.finish()


def _node(code: _Code, node: Node, yes: _Label, no: _Label) -> None:
    """Code that ends with a jump to `yes` or `no`. Jumps only go forward, so a loop is impossible by construction."""
    match node:
        case Not(of):
            _node(code, of, no, yes)
        case Both(left, right):
            middle = _Label()
            _node(code, left, middle, no)
            code.place(middle)
            _node(code, right, yes, no)
        case Either(left, right):
            middle = _Label()
            _node(code, left, yes, middle)
            code.place(middle)
            _node(code, right, yes, no)
        case Is(protocol) if protocol in _TYPES:
            code.load(_LDH, _ETHERTYPE)
            code.jump(_JEQ, _TYPES[protocol], yes, no)
        case Is(protocol):
            _transport(code, *_NUMBERS[protocol], yes, no)
        case Port():
            _port(code, node, yes, no)
        case Host():
            _host(code, node, yes, no)


def _ip_version(code: _Code, four: _Label, six: _Label, no: _Label) -> None:
    other = _Label()
    code.load(_LDH, _ETHERTYPE)
    code.jump(_JEQ, _TYPES["ip"], four, other)
    code.place(other)
    code.jump(_JEQ, _TYPES["ip6"], six, no)


def _transport(code: _Code, number4: int | None, number6: int | None, yes: _Label, no: _Label) -> None:
    four, six = _Label(), _Label()
    _ip_version(code, four if number4 is not None else no, six if number6 is not None else no, no)
    if number4 is not None:
        code.place(four)
        code.load(_LDB, _IP + 9)
        code.jump(_JEQ, number4, yes, no)
    if number6 is not None:
        code.place(six)
        code.load(_LDB, _IP + 6)
        code.jump(_JEQ, number6, yes, no)


def _port(code: _Code, port: Port, yes: _Label, no: _Label) -> None:
    four, six = _Label(), _Label()
    numbers = [_NUMBERS[transport][0] or 0 for transport in port.transports]
    _ip_version(code, four, six, no)
    code.place(six)
    ports6 = _Label()
    code.load(_LDB, _IP + 6)
    _any_of(code, numbers, ports6, no)
    code.place(ports6)
    _ends(code, [(_LDH, _IP + 40 + (0 if end == "src" else 2), port.number) for end in port.ends], yes, no)
    code.place(four)
    known, whole = _Label(), _Label()
    code.load(_LDB, _IP + 9)
    _any_of(code, numbers, known, no)
    code.place(known)
    code.load(_LDH, _IP + 6)
    code.jump(_JSET, 0x1FFF, no, whole)  # a later fragment has no ports
    code.place(whole)
    code.load(_LDX_IHL, _IP)
    _ends(code, [(_LDH_X, _IP + (0 if end == "src" else 2), port.number) for end in port.ends], yes, no)


def _host(code: _Code, host: Host, yes: _Label, no: _Label) -> None:
    known = _Label()
    code.load(_LDH, _ETHERTYPE)
    code.jump(_JEQ, _TYPES["ip" if host.address.version == 4 else "ip6"], known, no)
    code.place(known)
    words = [
        int.from_bytes(host.address.packed[at : at + 4], "big")
        for at in range(0, len(host.address.packed), 4)
    ]
    for position, end in enumerate(host.ends):
        wrong = no if position == len(host.ends) - 1 else _Label()
        start = _address_offset(host, end)
        for number, word in enumerate(words):
            right = yes if number == len(words) - 1 else _Label()
            code.load(_LDW, start + 4 * number)
            code.jump(_JEQ, word, right, wrong)
            if right is not yes:
                code.place(right)
        if wrong is not no:
            code.place(wrong)


def _address_offset(host: Host, end: Direction) -> int:
    if host.address.version == 4:
        return _IP + (12 if end == "src" else 16)
    return _IP + (8 if end == "src" else 24)


def _any_of(code: _Code, numbers: Sequence[int], yes: _Label, no: _Label) -> None:
    for position, number in enumerate(numbers):
        other = no if position == len(numbers) - 1 else _Label()
        code.jump(_JEQ, number, yes, other)
        if other is not no:
            code.place(other)


def _ends(code: _Code, places: Sequence[tuple[int, int, int]], yes: _Label, no: _Label) -> None:
    for position, (load, offset, value) in enumerate(places):
        other = no if position == len(places) - 1 else _Label()
        code.load(load, offset)
        code.jump(_JEQ, value, yes, other)
        if other is not no:
            code.place(other)
