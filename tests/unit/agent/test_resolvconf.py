"""resolv.conf is the container's own: whatever it holds, what is made of it is bounded."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from podprobe_agent.resolvconf import is_address, parse

WORDS = st.sampled_from(
    [b"nameserver", b"search", b"domain", b"options", b"10.0.0.1", b"::1", b"fe80::1%eth0", b"ndots:5", b"#", b";",
     b"\n", b" ", b"\t", b"\r", b"\x00", b"\xff", b"a.b", b"x" * 300]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=2000), st.lists(WORDS, max_size=200).map(b"".join)))
def test_anything_at_all_is_read(content: bytes) -> None:
    found = parse(content)
    for words in found:
        assert len(words) <= 64
        assert all(0 < len(word) <= 255 for word in words)
    for server in found.servers:
        assert is_address(server)
        assert "\n" not in server


@given(st.text(max_size=60))
def test_an_address_is_one_for_the_kernel_too(text: str) -> None:
    if is_address(text) and "%" not in text:
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        assert len(socket.inet_pton(family, text)) in (4, 16)


def test_a_keyword_counts_at_the_beginning_of_its_line_only() -> None:
    content = (
        b"  nameserver 10.0.0.1\n\tsearch a.b\nnameserver\t10.0.0.2\noptions ndots:5\nsearch x\n search y\n"
    )
    assert parse(content) == (["10.0.0.2"], ["x"], ["ndots:5"])
