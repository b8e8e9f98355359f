"""Capture filters do what tcpdump's do: both programs run on the same packets."""

from __future__ import annotations

import ipaddress
import shutil
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents import filters
from podprobe.agents.filters.code import Program, generate
from podprobe.agents.filters.grammar import FilterSyntaxError, parse
from podprobe.errors import UsageError

needs_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")


def run(program: Program, packet: bytes) -> int:  # noqa: C901  # one case an instruction
    """A classic-BPF machine, by the kernel's documentation (Documentation/networking/filter.rst)."""
    a = x = at = 0
    while True:
        code, yes, no, k = program[at]
        at += 1
        try:
            match code:
                case 0x20:
                    (a,) = struct.unpack_from("!I", packet, k)
                case 0x28:
                    (a,) = struct.unpack_from("!H", packet, k)
                case 0x30:
                    (a,) = struct.unpack_from("!B", packet, k)
                case 0x48:
                    (a,) = struct.unpack_from("!H", packet, x + k)
                case 0xB1:
                    x = 4 * (packet[k] & 0xF)
                case 0x15:
                    at += yes if a == k else no
                case 0x25:
                    at += yes if a > k else no
                case 0x35:
                    at += yes if a >= k else no
                case 0x45:
                    at += yes if a & k else no
                case 0x54:
                    a &= k
                case 0x05:
                    at += k
                case 0x06:
                    return k
                case _:
                    raise AssertionError(f"instruction {code:#x}")
        except (struct.error, IndexError):
            return 0  # a load past the packet's end ends the program


def ip4(
    source: str, destination: str, protocol: int, payload: bytes, options: int = 0, fragment: int = 0
) -> bytes:
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45 + options, 0, 0, 0, fragment, 64, protocol, 0,
        ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed,
    )  # fmt: skip
    return bytes(12) + b"\x08\x00" + head + bytes(4 * options) + payload


def ip6(source: str, destination: str, following: int, payload: bytes) -> bytes:
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return (
        bytes(12)
        + b"\x86\xdd"
        + struct.pack("!IHBB", 6 << 28, len(payload), following, 64)
        + addresses
        + payload
    )


ADDRESSES4 = ("127.0.0.1", "10.0.0.7", "10.0.0.8")
ADDRESSES6 = ("::1", "fd00::7", "fd00::8")
PORTS = (80, 5000, 40000)

ports = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(
    lambda pair: struct.pack("!HH", *pair) + bytes(16)
)
numbers = st.sampled_from([1, 6, 17, 58, 132])
packets = st.one_of(
    st.builds(
        ip4, st.sampled_from(ADDRESSES4), st.sampled_from(ADDRESSES4), numbers, ports, st.integers(0, 3),
        st.sampled_from([0, 0x2000, 7]),
    ),
    st.builds(ip6, st.sampled_from(ADDRESSES6), st.sampled_from(ADDRESSES6), numbers, ports),
    st.builds(lambda number, size: ip4("10.0.0.7", "10.0.0.8", number, bytes(8))[:size], numbers, st.integers(0, 40)),
    st.just(bytes(12) + b"\x88\xcc" + bytes(40)),
)  # fmt: skip

EXPRESSIONS = [
    "tcp", "udp", "icmp", "icmp6", "ip", "ip6", "arp",
    "port 5000", "tcp port 5000", "udp port 80", "src port 5000", "tcp dst port 80",
    "host 10.0.0.7", "src host 10.0.0.7", "dst 10.0.0.8", "ip host 10.0.0.7",
    "host fd00::7", "src fd00::7", "dst host ::1",
    "tcp port 5000 or udp port 80", "tcp and port 80 and host 10.0.0.7", "not port 5000", "not tcp",
    "tcp port 80 or tcp port 5000 and host 127.0.0.1", "not (udp or port 80)", "!tcp && (port 80 || host ::1)",
    "host 10.0.0.7 and host 10.0.0.8", "not not udp",
]  # fmt: skip
# tcpdump's `host` also looks into ARP, whose packets have no ports or flows: not in the packets above.


@pytest.fixture(scope="module")
def programs() -> dict[str, tuple[Program, Program]]:
    tcpdump = shutil.which("tcpdump") or ""
    return {text: (generate(parse(text)), filters._ask(tcpdump, text)) for text in EXPRESSIONS}


@needs_tcpdump
@given(packet=packets, expression=st.sampled_from(EXPRESSIONS))
def test_ours_and_tcpdumps_take_the_same_packets(
    programs: dict[str, tuple[Program, Program]], packet: bytes, expression: str
) -> None:
    ours, theirs = programs[expression]
    assert bool(run(ours, packet)) == bool(run(theirs, packet)), expression


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_filter_lets_something_through_and_stops_something(expression: str) -> None:
    program = generate(parse(expression))
    some = [
        ip4(a, b, number, struct.pack("!HH", p, q) + bytes(16))
        for a in ADDRESSES4 for b in ADDRESSES4 for number in (1, 6, 17) for p in PORTS for q in PORTS
    ] + [
        ip6(a, b, number, struct.pack("!HH", p, q) + bytes(16))
        for a in ADDRESSES6 for b in ADDRESSES6 for number in (6, 17, 58) for p in PORTS for q in PORTS
    ] + [bytes(12) + b"\x08\x06" + bytes(40)]  # fmt: skip
    taken = sum(bool(run(program, packet)) for packet in some)
    assert 0 < taken < len(some)


def test_no_filter_is_an_empty_program() -> None:
    assert filters.compile_filter("  ") == ()


@needs_tcpdump
def test_the_rest_of_the_language_is_tcpdumps() -> None:
    program = filters.compile_filter("tcp[tcpflags] & tcp-rst != 0")
    assert len(program) > 3


def test_without_tcpdump_the_error_says_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=r"does not know the filter 'portrange 1-5'") as raised:
        filters.compile_filter("portrange 1-5")
    assert "tcp, udp" in raised.value.hint


@needs_tcpdump
def test_nonsense() -> None:
    with pytest.raises(UsageError, match="is no capture filter"):
        filters.compile_filter("tcp port port")


@pytest.mark.parametrize("expression", ["-w /etc/passwd", "--version", "-z reboot"])
def test_a_filter_is_never_an_option_of_tcpdump(expression: str) -> None:
    with pytest.raises(UsageError):
        filters.compile_filter(expression)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_syntax_error(text: str) -> None:
    try:
        program = generate(parse(text))
    except FilterSyntaxError:
        return
    assert program[-1][0] == 0x06


@given(
    st.lists(
        st.sampled_from(["tcp", "port", "80", "host", "::1", "and", "or", "not", "(", ")", "src"]),
        max_size=30,
    )
)
def test_words_in_any_order(words: list[str]) -> None:
    try:
        program = generate(parse(" ".join(words)))
    except FilterSyntaxError:
        return
    assert all(0 <= jump <= 255 for _, yes, no, _ in program for jump in (yes, no))


def test_deep_nesting_is_refused_or_compiled() -> None:
    with pytest.raises(FilterSyntaxError):
        parse("(" * 5000 + "tcp" + ")" * 5000)
    with pytest.raises(FilterSyntaxError):
        generate(parse(" or ".join(["port 80"] * 60)))
