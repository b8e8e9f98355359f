"""What an agent answers to anything but a look: probes, messages to name servers, questions to proxies."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from podprobe.agents.answers.base import Answer, Count, Text, Word


class ProbeAnswer(Answer, frozen=True, kw_only=True):
    """`probe`: the samples of one active probe, as `PART` values of area `probe`."""

    samples_ns: tuple[int, ...] = ()
    """Duration of each success, in order."""
    waits_ns: tuple[int, ...] = ()
    """How much of each the probe itself waited for a CPU; empty where the kernel does not tell."""
    errors: dict[Word, int] = {}
    """Failures by the errno's name."""
    statuses: dict[Word, int] = {}
    """HTTP answers by status."""


class Reply(Answer, frozen=True, kw_only=True):
    """What came back to one payload of an exchange."""

    payload: Count
    server: Count
    """By its place among those asked."""
    time_us: Count
    """After the first sending."""
    data: Annotated[bytes, Meta(max_length=65535)]


class ExchangeAnswer(Answer, frozen=True, kw_only=True):
    """`exchange`: messages to name servers and what came back, unread, as `PART` values of area `exchange`."""

    replies: Annotated[tuple[Reply, ...], Meta(max_length=4)] = ()
    errors: dict[Word, Word] = {}
    """Servers that could not be reached, by the errno's name."""
    sent: Annotated[tuple[Count, ...], Meta(max_length=4)] = ()
    """How often each payload was sent."""


class AdminPiece(Answer, frozen=True, kw_only=True):
    """`admin`: one of the things that an Envoy's administration port was asked, as `PART` values of area `admin`."""

    piece: Literal["server_info", "clusters", "stats"]
    text: Annotated[str, Meta(max_length=1 << 20)] | None = None
    """JSON, as Envoy wrote it; of `server_info`, a few words alone."""
    error: Text | None = None
