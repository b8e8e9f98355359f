"""The samples of active probes, as the snapshot's `latency`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.analysis import histogram
from podprobe.analysis.percentiles import exact
from podprobe.model import Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.model import Histogram

Kind = Literal["tcp", "unix", "http", "udp"]

_LONGEST_NS = (1 << 63) - 1


def latency_from(
    answer: ProbeAnswer, from_container: str | None, to_container: str | None, to: str, kind: Kind
) -> Latency:
    """What one probe's samples say. Percentiles are exact, by nearest rank; the histogram is for adding up.

    Every attempt counts: a success with its duration, a failure by its errno. An HTTP answer of 500 or above is both,
    a failure (`HTTP 503`) that took its time; one below is an answer, 404 included, for a probe asks whether and how
    fast the server answers, not whether it has the page.

    Args:
        answer: from an agent; durations that no clock could give are clamped.
        from_container: whose agent probed.
        to_container: who listens at `to`, if known.
        to: the endpoint, as the snapshot names it.
        kind: of the probe.
    """
    waits = [max(0, wait) for wait in answer.waits_ns]
    waited = len(waits) == len(answer.samples_ns) > 0
    besides = sorted(max(0, took - wait) for took, wait in zip(answer.samples_ns, waits, strict=False))
    samples = sorted(min(max(0, sample), _LONGEST_NS) for sample in answer.samples_ns)
    errors = {name: count for name, count in answer.errors.items() if count > 0}
    succeeded = len(samples)
    attempts = succeeded + sum(errors.values())
    for status, count in answer.statuses.items():
        if status.isdecimal() and int(status) >= 500 and count > 0:  # RFC 9110, 15.6: server errors
            errors[f"HTTP {status}"] = count
    failures = min(sum(errors.values()), attempts)
    if not samples:
        return Latency(
            from_container=from_container,
            to_container=to_container,
            to=to,
            kind=kind,
            count=attempts,
            failures=failures,
            errors=errors,
        )
    return Latency(
        from_container=from_container,
        to_container=to_container,
        to=to,
        kind=kind,
        count=attempts,
        failures=failures,
        min_us=samples[0] / 1000,
        p50_us=exact(samples, 0.5) / 1000,
        p90_us=exact(samples, 0.9) / 1000,
        p99_us=exact(samples, 0.99) / 1000,
        max_us=samples[-1] / 1000,
        mean_us=sum(samples) / succeeded / 1000,
        cpu_wait_us=min(sum(waits), _LONGEST_NS) / 1000 if waited else None,
        p90_less_cpu_wait_us=min(exact(besides, 0.9), _LONGEST_NS) / 1000 if waited else None,
        max_less_cpu_wait_us=min(besides[-1], _LONGEST_NS) / 1000 if waited else None,
        errors=errors,
        histogram=histogram.from_samples(samples),
    )


def merged(first: Latency, second: Latency) -> Latency:
    """Two rounds of the same probe as one. Percentiles come from the histograms: 0.8 % at most from the exact ones.

    Minimum, maximum, mean and counts stay exact.

    Raises:
        ValueError: the two are not of the same probe.
    """
    if _probe(first) != _probe(second):
        raise ValueError(f"{_probe(first)} and {_probe(second)} are different probes")
    both = histogram.merge(*(part.histogram for part in (first, second) if part.histogram))
    errors = dict(first.errors)
    for name, count in second.errors.items():
        errors[name] = errors.get(name, 0) + count
    lows = [part.min_us for part in (first, second) if part.min_us is not None]
    highs = [part.max_us for part in (first, second) if part.max_us is not None]
    sums = [
        (part.mean_us, histogram.total(part.histogram))
        for part in (first, second)
        if part.mean_us is not None and part.histogram
    ]
    low, high = min(lows, default=None), max(highs, default=None)
    return Latency(
        from_container=first.from_container,
        to_container=first.to_container,
        to=first.to,
        kind=first.kind,
        count=first.count + second.count,
        failures=first.failures + second.failures,
        min_us=low,
        p50_us=_percentile_us(both, 0.5, low, high),
        p90_us=_percentile_us(both, 0.9, low, high),
        p99_us=_percentile_us(both, 0.99, low, high),
        max_us=high,
        mean_us=sum(mean * count for mean, count in sums) / sum(count for _, count in sums) if sums else None,
        cpu_wait_us=_known(sum, first, second, lambda part: part.cpu_wait_us),
        p90_less_cpu_wait_us=_known(max, first, second, lambda part: part.p90_less_cpu_wait_us),
        max_less_cpu_wait_us=_known(max, first, second, lambda part: part.max_less_cpu_wait_us),
        errors=errors,
        histogram=both if both.counts else None,
    )


def distinct(latencies: Iterable[Latency]) -> list[Latency]:
    """Each probe once: rounds of the same one, wherever they come from, are one."""
    found: dict[tuple[str | None, str | None, str, str], Latency] = {}
    for one in latencies:
        before = found.get(_probe(one))
        found[_probe(one)] = one if before is None else merged(before, one)
    return list(found.values())


def is_slow(latency: Latency, bound_us: float, alone_us: float) -> bool:
    """A high percentile that is more than one unlucky sample on a busy machine."""
    if latency.p99_us is None or latency.p99_us < bound_us:
        return False
    if latency.p99_us >= alone_us or latency.count - latency.failures >= 100:
        return True
    return latency.p90_us is not None and latency.p90_us >= bound_us


def waited_for_cpu(latency: Latency, bound_us: float, alone_us: float) -> bool:
    """Slow for want of a CPU only: judged as `is_slow` does, what the probes took besides waiting for one is not slow.

    False where that is not known.
    """
    usual, most = latency.p90_less_cpu_wait_us, latency.max_less_cpu_wait_us
    if usual is None or most is None:
        return False
    many = latency.count - latency.failures >= 100
    return most < bound_us or (most < alone_us and usual < bound_us and not many)


def _known(
    put_together: Callable[[list[float]], float],
    first: Latency,
    second: Latency,
    value: Callable[[Latency], float | None],
) -> float | None:
    """Of both rounds; unknown where one that measured something does not know."""
    parts = [value(part) for part in (first, second) if part.max_us is not None]
    known = [part for part in parts if part is not None]
    return put_together(known) if known and len(known) == len(parts) else None


def _probe(latency: Latency) -> tuple[str | None, str | None, str, str]:
    return latency.from_container, latency.to_container, latency.to, latency.kind


def _percentile_us(samples: Histogram, ratio: float, low: float | None, high: float | None) -> float | None:
    """A percentile from the buckets, kept within what was measured: a bucket's middle may lie past the maximum."""
    value = histogram.percentile_ns(samples, ratio)
    if value is None:
        return None
    value /= 1000
    return min(max(value, low if low is not None else value), high if high is not None else value)
