"""An Envoy's own words: where to ask for them, and what they say of its upstreams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from podprobe.analysis.endpoints import endpoint, is_any, is_loopback
from podprobe.decoding import decode
from podprobe.model import ProxyAdmin, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podprobe.agents.answers import AdminPiece
    from podprobe.model import Proxy, Snapshot

PORTS = (15000, 9901, 19000, 19001, 8001)
"""Where Istio, Envoy's own examples and Kuma, Consul and gateways, and Ambassador have the administration port; the
likeliest first. Ports that a container declares with `admin` in their name come before them."""
MOST_UPSTREAMS = 200
_MOST_UNHEALTHY = 10
_VERSION = re.compile(r"^[0-9a-f]{40}/([^/]+)/")
"""`9e55…/1.40.0/Clean/RELEASE/BoringSSL`."""
_ILL = {
    "failed_active_health_check": "failed its health check",
    "failed_outlier_check": "ejected as an outlier",
    "pending_dynamic_removal": "being removed",
    "pending_active_hc": "not yet checked",
    "excluded_via_immediate_hc_fail": "excluded by its own answer",
}
_ILL_BY_DISCOVERY = {"UNHEALTHY": "unhealthy", "DRAINING": "draining", "TIMEOUT": "timed out"}


class _Wire(msgspec.Struct, frozen=True):
    """Part of what Envoy answers; what is not named here is ignored."""


class _Stat(_Wire, frozen=True):
    name: str = ""
    value: str | int | None = None


class _Host(_Wire, frozen=True):
    address: dict[str, Any] = {}
    stats: tuple[_Stat, ...] = ()
    health_status: dict[str, Any] = {}


class _Cluster(_Wire, frozen=True):
    name: str = ""
    observability_name: str | None = None
    host_statuses: tuple[_Host, ...] = ()


class _Clusters(_Wire, frozen=True):
    cluster_statuses: tuple[_Cluster, ...] = ()


class _ServerInfo(_Wire, frozen=True):
    version: str = ""
    state: str = ""
    uptime_current_epoch: str = ""


class _Quantile(_Wire, frozen=True):
    cumulative: float | None = None


class _Computed(_Wire, frozen=True):
    name: str = ""
    values: tuple[_Quantile, ...] = ()


class _Histograms(_Wire, frozen=True):
    supported_quantiles: tuple[float, ...] = ()
    computed_quantiles: tuple[_Computed, ...] = ()


class _Entry(_Wire, frozen=True):
    name: str = ""
    value: int | float | str | None = None
    histograms: _Histograms | None = None


class _Stats(_Wire, frozen=True):
    stats: tuple[_Entry, ...] = ()


def places(snapshot: Snapshot, proxies: tuple[Proxy, ...]) -> dict[str, str]:
    """Where each Envoy's administration port can be asked from inside the Pod, by container.

    Only ports that are known for it are asked: a request to any other would be one to the application.
    """
    found: dict[str, str] = {}
    for proxy in proxies:
        if proxy.program != "envoy":
            continue
        container = next((each for each in snapshot.containers if each.name == proxy.container), None)
        named = [port.port for port in container.ports if "admin" in (port.name or "")] if container else []
        mine = {
            listener.port: listener.address
            for listener in snapshot.network.listeners
            if listener.container == proxy.container
            and listener.protocol == "tcp"
            and listener.owner.process
            and listener.owner.process.name == proxy.process
        }
        for port in (*named, *PORTS):
            address = mine.get(port)
            if address is not None and (is_loopback(address) or is_any(address)):
                host = (
                    ("::1" if address == "::1" else "127.0.0.1")
                    if is_any(address) or address == "::1"
                    else address
                )
                found[proxy.container] = endpoint(host, port)
                break
    return found


def admin(address: str, pieces: Mapping[str, AdminPiece]) -> ProxyAdmin:
    """What the pieces of one answer say."""
    errors = [f"{name}: {piece.error}" for name, piece in pieces.items() if piece.error]
    info = _read(pieces, "server_info", _ServerInfo, errors)
    clusters = _read(pieces, "clusters", _Clusters, errors)
    stats = _read(pieces, "stats", _Stats, errors)
    numbers, times = _numbers(stats), _times(stats)
    every = _upstreams(clusters, numbers, times) if clusters else _by_statistics(numbers, times)
    every.sort(key=lambda each: (each.healthy_hosts > 0 or each.hosts == 0, -(each.connect_failures or 0),
                                 -(each.requests or 0), each.name))  # fmt: skip
    downstream = [
        found for name, found in times.items() if name.endswith(".downstream_rq_time") and "admin" not in name
    ]
    return ProxyAdmin(
        address=address,
        version=_version(info.version) if info else None,
        state=info.state or None if info else None,
        uptime_seconds=_seconds(info.uptime_current_epoch) if info else None,
        upstreams=tuple(every[:MOST_UPSTREAMS]),
        upstream_count=len(every),
        downstream_p50_ms=max((each[0] for each in downstream), default=None),
        downstream_p99_ms=max((each[1] for each in downstream), default=None),
        error="; ".join(errors) or None,
    )


def _read(pieces: Mapping[str, AdminPiece], name: str, form: type[Any], errors: list[str]) -> Any:
    piece = pieces.get(name)
    if piece is None or piece.text is None:
        return None
    try:
        return decode(piece.text, form, strict=False)
    except (msgspec.DecodeError, RecursionError):
        errors.append(f"{name}: what it answered is not what an Envoy answers")
        return None


def _version(text: str) -> str:
    found = _VERSION.match(text)
    return found.group(1) if found else text


def _seconds(text: str) -> int | None:
    number = text.removesuffix("s").partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 12 else None


def _numbers(stats: _Stats | None) -> dict[str, int]:
    return {
        each.name: int(each.value)
        for each in (stats.stats if stats else ())
        if isinstance(each.value, int | float) and abs(each.value) < 1 << 62
    }


def _times(stats: _Stats | None) -> dict[str, tuple[float, float]]:
    """Median and 99th percentile since the start, in milliseconds, by the histogram's name."""
    found = {}
    for entry in stats.stats if stats else ():
        if entry.histograms is None:
            continue
        quantiles = entry.histograms.supported_quantiles
        if 50 not in quantiles or 99 not in quantiles:
            continue
        for each in entry.histograms.computed_quantiles:
            values = [value.cumulative for value in each.values]
            if len(values) == len(quantiles):
                p50, p99 = values[quantiles.index(50)], values[quantiles.index(99)]
                if p50 is not None and p99 is not None:
                    found[each.name] = (p50, p99)
    return found


def _upstreams(
    clusters: _Clusters, numbers: Mapping[str, int], times: Mapping[str, tuple[float, float]]
) -> list[Upstream]:
    found = []
    for cluster in clusters.cluster_statuses:
        # Statistics name it as it is to be observed, and have `_` for `:`.
        prefix = f"cluster.{(cluster.observability_name or cluster.name).replace(':', '_')}."
        sums: dict[str, int] = {}
        for host in cluster.host_statuses:
            for stat in host.stats:
                sums[stat.name] = sums.get(stat.name, 0) + _whole(stat.value)
        ill = [(_address(host), why) for host in cluster.host_statuses if (why := _illness(host))]
        p50, p99 = times.get(f"{prefix}upstream_rq_time", (None, None))
        found.append(
            Upstream(
                name=cluster.name,
                hosts=len(cluster.host_statuses),
                healthy_hosts=len(cluster.host_statuses) - len(ill),
                unhealthy=tuple(f"{where}: {why}" for where, why in ill[:_MOST_UNHEALTHY]),
                connections=sums.get("cx_active"),
                # Hosts come and go; what the cluster counted stays.
                connect_failures=numbers.get(
                    f"{prefix}upstream_cx_connect_fail", sums.get("cx_connect_fail")
                ),
                requests=numbers.get(f"{prefix}upstream_rq_total", sums.get("rq_total")),
                failed_requests=sums.get("rq_error"),
                active_requests=numbers.get(f"{prefix}upstream_rq_active", sums.get("rq_active")),
                pending_requests=numbers.get(
                    f"{prefix}upstream_rq_pending_active", sums.get("rq_pending_active")
                ),
                pending_overflow=numbers.get(f"{prefix}upstream_rq_pending_overflow"),
                request_p50_ms=p50,
                request_p99_ms=p99,
            )
        )
    return found


def _by_statistics(numbers: Mapping[str, int], times: Mapping[str, tuple[float, float]]) -> list[Upstream]:
    """Where the list of clusters was too long to be had: what the statistics alone tell."""
    found = []
    for name in sorted(numbers):
        if not (name.startswith("cluster.") and name.endswith(".membership_total")):
            continue
        prefix = name.removesuffix("membership_total")
        p50, p99 = times.get(f"{prefix}upstream_rq_time", (None, None))
        found.append(
            Upstream(
                name=prefix.removeprefix("cluster.").removesuffix("."),
                hosts=numbers[name],
                healthy_hosts=numbers.get(f"{prefix}membership_healthy", 0),
                connections=numbers.get(f"{prefix}upstream_cx_active"),
                connect_failures=numbers.get(f"{prefix}upstream_cx_connect_fail"),
                requests=numbers.get(f"{prefix}upstream_rq_total"),
                active_requests=numbers.get(f"{prefix}upstream_rq_active"),
                pending_requests=numbers.get(f"{prefix}upstream_rq_pending_active"),
                pending_overflow=numbers.get(f"{prefix}upstream_rq_pending_overflow"),
                request_p50_ms=p50,
                request_p99_ms=p99,
            )
        )
    return found


def _whole(value: str | int | None) -> int:
    """Envoy writes 64-bit numbers as text, and leaves out zeros."""
    if isinstance(value, int):
        return value
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) < 20 else 0


def _illness(host: _Host) -> str:
    return ", ".join(_illnesses(host.health_status))


def _illnesses(status: Mapping[str, Any]) -> Iterator[str]:
    for flag, words in _ILL.items():
        if status.get(flag) is True:
            yield words
    if told := _ILL_BY_DISCOVERY.get(str(status.get("eds_health_status"))):
        yield f"{told}, says discovery"


def _address(host: _Host) -> str:
    found = host.address.get("socket_address")
    if isinstance(found, dict):
        return endpoint(
            str(found.get("address", "?"))[:64],
            int(found["port_value"]) if str(found.get("port_value")).isdecimal() else 0,
        )
    pipe = host.address.get("pipe")
    return str(pipe.get("path", "?"))[:108] if isinstance(pipe, dict) else "a host"
