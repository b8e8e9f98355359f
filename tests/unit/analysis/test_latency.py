"""Probe answers become the snapshot's latency; rounds of one probe add up."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents.answers import ProbeAnswer
from podprobe.analysis.histogram import total
from podprobe.analysis.latency import Kind, distinct, latency_from, merged
from podprobe.model import Latency


def latency(answer: ProbeAnswer, kind: Kind = "tcp") -> Latency:
    return latency_from(answer, "nginx", "webapp", "127.0.0.1:5000", kind)


def test_numbers() -> None:
    seen = latency(ProbeAnswer(samples_ns=tuple(range(100_000, 0, -1_000)), errors={"ECONNREFUSED": 3}))
    assert (seen.count, seen.failures, seen.errors) == (103, 3, {"ECONNREFUSED": 3})
    assert (seen.min_us, seen.p50_us, seen.p90_us, seen.p99_us, seen.max_us) == (1, 50, 90, 99, 100)
    assert seen.mean_us == 50.5
    assert seen.histogram is not None
    assert total(seen.histogram) == 100


def test_nothing_but_failures() -> None:
    seen = latency(ProbeAnswer(errors={"ETIMEDOUT": 4, "ECONNREFUSED": 0}))
    assert (seen.count, seen.failures, seen.errors) == (4, 4, {"ETIMEDOUT": 4})
    assert seen.p50_us is None
    assert seen.histogram is None


def test_waiting_for_a_cpu_is_told_apart() -> None:
    waited = latency(ProbeAnswer(samples_ns=(20_000, 900_000, 30_000), waits_ns=(0, 880_000, 5_000)))
    assert (waited.cpu_wait_us, waited.p90_less_cpu_wait_us, waited.max_less_cpu_wait_us) == (885, 25, 25)
    assert waited.max_us == 900
    again = latency(ProbeAnswer(samples_ns=(70_000,), waits_ns=(30_000,)))
    both = merged(waited, again)
    assert (both.cpu_wait_us, both.p90_less_cpu_wait_us, both.max_less_cpu_wait_us) == (915, 40, 40)
    failed = latency(ProbeAnswer(errors={"ETIMEDOUT": 1}))
    assert (merged(failed, waited).cpu_wait_us, merged(waited, failed).max_less_cpu_wait_us) == (885, 25)


@pytest.mark.parametrize("waits", [(), (1,), (1, 2, 3)])
def test_a_kernel_that_does_not_count_waiting(waits: tuple[int, ...]) -> None:
    unknown = latency(ProbeAnswer(samples_ns=(20_000, 30_000), waits_ns=waits))
    assert (unknown.cpu_wait_us, unknown.max_less_cpu_wait_us) == (None, None)
    known = latency(ProbeAnswer(samples_ns=(20_000,), waits_ns=(1,)))
    assert merged(known, unknown).max_less_cpu_wait_us is None


def test_http_server_errors_are_failures_that_took_their_time() -> None:
    answer = ProbeAnswer(
        samples_ns=(1000, 2000, 3000), statuses={"200": 1, "404": 1, "503": 1}, errors={"ETIMEDOUT": 1}
    )
    seen = latency(answer, "http")
    assert (seen.count, seen.failures) == (4, 2)
    assert seen.errors == {"ETIMEDOUT": 1, "HTTP 503": 1}
    assert seen.max_us == 3


def test_an_agent_that_lies_breaks_nothing() -> None:
    seen = latency(ProbeAnswer(samples_ns=(-5, 10**40), errors={"x": -7}, statuses={"²": 1, "999": 10**9}))
    assert seen.count == 2
    assert seen.failures <= seen.count
    assert seen.min_us == 0


samples = st.lists(st.integers(1, 10**10), max_size=50)


@given(samples, samples, st.integers(0, 3))
def test_rounds_add_up(first: list[int], second: list[int], failures: int) -> None:
    errors = {"ETIMEDOUT": failures}
    both = merged(
        latency(ProbeAnswer(samples_ns=tuple(first), errors=errors)),
        latency(ProbeAnswer(samples_ns=tuple(second), errors=errors)),
    )
    once = latency(ProbeAnswer(samples_ns=tuple(first + second), errors={"ETIMEDOUT": 2 * failures}))
    assert (both.count, both.failures, both.errors) == (once.count, once.failures, once.errors)
    assert (both.min_us, both.max_us, both.histogram) == (once.min_us, once.max_us, once.histogram)
    for name in ("p50_us", "p90_us", "p99_us", "mean_us"):
        assert getattr(both, name) == pytest.approx(getattr(once, name), rel=1 / 128)


def test_different_probes_do_not_add_up() -> None:
    first = latency(ProbeAnswer(samples_ns=(1,)))
    with pytest.raises(ValueError, match="different probes"):
        merged(first, latency(ProbeAnswer(samples_ns=(1,)), "http"))


def test_rounds_of_one_probe_are_told_once_wherever_they_come_from() -> None:
    """Several hops ask the same application: what they measured is one row."""
    one = Latency(
        from_container="nginx", to_container="app", to="127.0.0.1:5000", kind="http", count=5, failures=1
    )
    other = msgspec.structs.replace(one, to="127.0.0.1:6000")
    found = distinct([one, other, one])
    assert [(each.to, each.count, each.failures) for each in found] == [
        ("127.0.0.1:5000", 10, 2),
        ("127.0.0.1:6000", 5, 1),
    ]
