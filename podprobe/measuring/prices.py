"""What a sidecar costs: the same request through it and past it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.hops import passed_through, price
from podprobe.analysis.latency import merged
from podprobe.analysis.naming import url
from podprobe.errors import AgentError

if TYPE_CHECKING:
    from podprobe.analysis.hops import Hop, Price
    from podprobe.model import Latency
    from podprobe.session import Session

MOST_PAIRS = 200
_QUIET_SECONDS = 1.0
"""For which the Pod is watched by itself, to know its own traffic from what the requests cause."""
_PATIENCE = 4
"""Pairs without an answer after which a server is taken for one that does not speak HTTP."""


def price_of(
    session: Session, hop: Hop, *, count: int, timeout: float, path: str = "/"
) -> tuple[Price | None, tuple[Latency, ...], str]:
    """The sidecar's price: the same HTTP request to the proxy and to the application, turn about, from the proxy.

    Args:
        session: on the Pod.
        hop: proxy and application.
        count: pairs of requests.
        timeout: seconds for each.
        path: to ask for.

    Returns:
        The price, or `None` and why there is none; and what both requests measured.
    """
    earlier = session.look()
    time.sleep(_QUIET_SECONDS)
    before = session.look()
    pairs: list[tuple[float, float]] = []
    measured: dict[str, Latency] = {}
    count = min(count, MOST_PAIRS)
    for number in range(count):
        took: dict[str, float | None] = {}
        # Which of the two goes first changes, so that neither finds the warmer caches every time.
        for to in (hop.front, hop.back) if number % 2 else (hop.back, hop.front):
            try:
                one = session.probe(hop.proxy, "http", url(to, path), count=1, interval=0, timeout=timeout)
            except AgentError as error:
                return None, tuple(measured.values()), error.message
            one = msgspec.structs.replace(one, to_container=hop.proxy if to == hop.front else hop.application)
            measured[to] = merged(measured[to], one) if to in measured else one
            took[to] = None if one.failures else one.min_us
        through, direct = took[hop.front], took[hop.back]
        if through is not None and direct is not None:
            pairs.append((through, direct))
        elif number >= _PATIENCE and not pairs:
            return None, tuple(measured.values()), f"{hop.front} or {hop.back} does not answer HTTP on {path}"
    after = session.look()
    return price(hop, pairs, passed_through(earlier, before, after, hop, count)), tuple(measured.values()), ""
