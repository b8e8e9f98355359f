"""The sidecar's price: what a container costs that stands in front of another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from podprobe.analysis import endpoints, matrix
from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.naming import url
from podprobe.analysis.percentiles import differences
from podprobe.analysis.probing import probe_address
from podprobe.analysis.retransmits import flow_rates
from podprobe.analysis.times import epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.analysis.percentiles import Difference
    from podprobe.model import Path, Snapshot

RATIOS = (0.5, 0.9, 0.99)

_SEEN = 0.9
"""Share of the requests that have to be seen again behind the proxy."""


@dataclass(frozen=True)
class Hop:
    """A proxy in front of an application, as the flows show it."""

    proxy: str
    application: str
    front: str
    """The proxy's listener, `127.0.0.1:80`."""
    back: str
    """The application's, to which the proxy connects: an endpoint, or the path of a unix socket."""

    def urls(self, path: str) -> tuple[str, str]:
        """What to ask for: through the proxy, and of the application itself."""
        return url(self.front, path), url(self.back, path)


@dataclass(frozen=True)
class Price:
    """How much longer a request takes through the proxy than to the application itself."""

    hop: Hop
    pairs: int
    """Requests measured, one of each kind right after the other."""
    differences: tuple[Difference, ...]
    """In microseconds, percentile by percentile, with 95 % intervals."""
    passed: bool | None
    """The requests to the proxy did reach the application; `None`: could not be told."""


def hops(snapshot: Snapshot) -> tuple[Hop, ...]:
    """Proxies with the application behind, as far as one can be asked in place of the other.

    By the paths that were seen; a mesh's proxy is left out, as it takes only what is redirected to it. Containers that
    no path tells of, but that listen and connect to a sibling's listener, come after.
    """
    found = [hop for path in snapshot.paths for hop in _of_path(snapshot, path)]
    told = {(hop.proxy, hop.application) for hop in found}
    found += [hop for hop in _of_flows(snapshot) if (hop.proxy, hop.application) not in told]
    return tuple(dict.fromkeys(found))


def _of_path(snapshot: Snapshot, path: Path) -> Iterator[Hop]:
    mesh = snapshot.mesh.container if snapshot.mesh else None
    for front, back in pairwise(path.legs):
        proxy, application = front.to_container, back.to_container
        if proxy is None or application is None or mesh in {proxy, application} or front.kind != "tcp":
            continue
        port = endpoints.split(front.to)[1]
        listening = [
            each
            for each in snapshot.network.listeners
            if each.container == proxy and each.port == port and each.protocol == "tcp"
        ]
        # From outside it is reached at the Pod's address, from inside on loopback where it listens there, too.
        there = next((endpoint(probe_address(each), each.port) for each in listening), front.to)
        yield Hop(proxy, application, there, back.to)


def _of_flows(snapshot: Snapshot) -> Iterator[Hop]:
    listening = [found for found in matrix.endpoints(snapshot, "tcp") if found.container is not None]
    fronts = {found.to for found in listening}
    used = {flow.server for flow in snapshot.network.flows}
    for flow in snapshot.network.flows:
        proxy, application = flow.from_container, flow.to_container
        if flow.protocol != "tcp" or proxy is None or application is None or proxy == application:
            continue
        mine = [one.to for one in listening if one.container == proxy]
        # A proxy has many ports (admin, metrics): one that somebody uses is the likeliest front, then the lowest.
        mine.sort(key=lambda to: (to not in used, int(to.rpartition(":")[2])))
        if mine and flow.server in fronts:
            yield Hop(proxy, application, mine[0], flow.server)


def price(hop: Hop, pairs: Sequence[tuple[float, float]], passed: bool | None) -> Price:
    """What the pairs (through the proxy, to the application; microseconds) say."""
    return Price(hop, len(pairs), tuple(differences(pairs, RATIOS)), passed)


def passed_through(
    earlier: Snapshot, before: Snapshot, after: Snapshot, hop: Hop, requests: int
) -> bool | None:
    """Whether requests to the proxy were followed by traffic from it to the application.

    A proxy may answer by itself (a redirect, a static file, an error): then the difference is no price. Passed requests
    are seen either on the sockets between the two, where connections are kept, or in the namespace's count of
    connections opened; both also count what the Pod's own users ask for meanwhile, which is reckoned with as much as
    there was of it before.

    Args:
        earlier: a look some time before the requests; between it and `before` podprobe opened no connection.
        before: a look right before the requests.
        after: one right after them.
        hop: proxy and application.
        requests: of each kind, every one on a connection of its own.

    Returns:
        `None` where what the Pod does by itself leaves it open, and behind a unix socket, which counts nothing.
    """
    if hop.back.startswith(("/", "@")):
        return None
    opened = _opened(before, after)
    if opened is not None:
        # podprobe's own: one to the proxy and one to the application for each pair.
        opened -= 2 * requests
    found = [
        (_sent(before, after, hop), _expected(_sent(earlier, before, hop), earlier, before, after)),
        (opened, _expected(_opened(earlier, before), earlier, before, after)),
    ]
    if any(seen is not None and seen - usual >= _SEEN * requests for seen, usual in found):
        return True
    if all(seen is not None and seen < _SEEN * requests for seen, _ in found):
        return False
    return None


def _sent(before: Snapshot, after: Snapshot, hop: Hop) -> int:
    """Data segments between the two containers, by the sockets that are left; both directions."""
    return sum(
        rate.segments
        for rate in flow_rates(before, after)
        if (rate.from_container, rate.to_container, rate.server) == (hop.proxy, hop.application, hop.back)
    )


def _opened(before: Snapshot, after: Snapshot) -> int | None:
    now = after.network.counters.values.get("Tcp.ActiveOpens")
    then = before.network.counters.values.get("Tcp.ActiveOpens")
    return now - then if now is not None and then is not None and now >= then else None


def _expected(count: int | None, earlier: Snapshot, before: Snapshot, after: Snapshot) -> float:
    """As many as in the time before, had it been as long as the time of the requests."""
    start, middle, end = (epoch(look.taken_at) for look in (earlier, before, after))
    if count is None or start is None or middle is None or end is None or middle <= start:
        return 0.0
    return count * (end - middle) / (middle - start)
