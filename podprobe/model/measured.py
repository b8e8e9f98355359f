"""All that `podprobe latency` measured, in one document (`-o json --prices`). Not part of a snapshot."""

from __future__ import annotations

from podprobe.model.base import Model
from podprobe.model.judgement import Latency

LATENCY_SCHEMA = "podprobe.latency/v1"


class PriceDifference(Model, frozen=True, kw_only=True):
    """By how much one percentile through the proxy exceeds the same one of the application itself."""

    ratio: float
    """0.5: the medians."""
    value_us: float
    low_us: float
    """The 95 % interval, by bootstrap over pairs of requests."""
    high_us: float


class HopPrice(Model, frozen=True, kw_only=True):
    """What a container costs that stands in front of another, by HTTP requests turn about."""

    proxy: str
    application: str
    front: str
    """The proxy's listener, `127.0.0.1:80`."""
    back: str
    """The application's: an endpoint, or the path of a unix socket."""
    pairs: int
    """Requests measured, one of each kind right after the other."""
    passed: bool | None
    """The proxy passed the requests on; false: it answered by itself, and this is no price; `None`: not seen."""
    differences: tuple[PriceDifference, ...] = ()
    """Percentile by percentile; without those that too few requests lie beyond."""


class TransportComparison(Model, frozen=True, kw_only=True):
    """The same server from the same container, over TCP and over a unix socket: medians of a connect."""

    from_container: str | None
    to_container: str | None
    tcp: str
    unix: str
    tcp_p50_us: float | None
    unix_p50_us: float | None


class MeasuredLatency(Model, frozen=True, kw_only=True):
    """What one run of `podprobe latency` found."""

    schema: str = LATENCY_SCHEMA
    latency: tuple[Latency, ...] = ()
    """As in a snapshot."""
    prices: tuple[HopPrice, ...] = ()
    comparisons: tuple[TransportComparison, ...] = ()
    interrupted: bool = False
    """The user ended it before every probe was made."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
