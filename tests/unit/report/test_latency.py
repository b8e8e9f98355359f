"""The latency matrix as text."""

from __future__ import annotations

import re

from podprobe.agents.answers import ProbeAnswer
from podprobe.analysis.hops import Hop, price
from podprobe.analysis.latency import latency_from
from podprobe.model import Histogram, Latency
from podprobe.report.latency import page


def latency(*samples_us: int, to: str = "127.0.0.1:5000", **errors: int) -> Latency:
    answer = ProbeAnswer(samples_ns=tuple(sample * 1000 for sample in samples_us), errors=errors)
    return latency_from(answer, "nginx", "webapp", to, "unix" if to.startswith("/") else "tcp")


def drawn(*latencies: Latency, width: int | None = None, **more: object) -> str:
    parts: dict[str, list[object]] = {"pairs": [], "prices": [], "notes": [], **more}  # type: ignore[dict-item]
    return page(list(latencies), **parts, color=False, width=width)  # type: ignore[arg-type]


def test_percentiles_and_failures() -> None:
    text = drawn(latency(*range(100, 200), ECONNREFUSED=3, ETIMEDOUT=1))
    assert "0.15 ms" in text
    assert "✖" in text
    assert "4 of 104: ECONNREFUSED 3, ETIMEDOUT 1" in text


def test_distributions_share_an_axis_and_show_a_single_slow_probe() -> None:
    quick, slow = (
        latency(*([10] * 99), 100_000, to="127.0.0.1:1"),
        latency(*([100_000] * 10), to="127.0.0.1:2"),
    )
    lines = [line for line in drawn(quick, slow, quick, slow).splitlines() if "127.0.0.1" in line]
    spots = [[match.start() for match in re.finditer("[▁▂▃▄▅▆▇█]", line)] for line in lines]
    assert len(spots[0]) == 2
    assert spots[0][1] == spots[1][0]


def test_few_series_are_drawn_large_with_every_sample_counted() -> None:
    text = drawn(latency(*range(10, 500)))
    counts = [int(match) for match in re.findall(r"│[█▏▎▍▌▋▊▉ ]+ (\d+)$", text, re.MULTILINE)]
    assert sum(counts) == 490


def test_a_busy_machine_is_told_beside_the_numbers() -> None:
    def waited(*waits_us: int) -> Latency:
        answer = ProbeAnswer(samples_ns=(50_000, 950_000), waits_ns=tuple(each * 1000 for each in waits_us))
        return latency_from(answer, "nginx", "webapp", "127.0.0.1:5000", "tcp")

    said = "90 % of these times the probes themselves waited for a CPU: the machine is busy. Besides that none took"
    assert f"{said} more than 50 µs" in " ".join(drawn(waited(0, 900)).split())
    assert "waited" not in drawn(waited(0, 100))
    assert "waited" not in drawn(latency(50, 950))


def test_tcp_and_unix_side_by_side() -> None:
    text = drawn(pairs=[(latency(40), latency(30, to="/run/app.sock"))])
    assert "the unix socket takes 25 % less to connect" in text


def test_a_price_and_what_is_none() -> None:
    hop = Hop("nginx", "webapp", "127.0.0.1:80", "127.0.0.1:5000")
    real = [(500.0 + number % 7, 200.0 + number % 5) for number in range(60)]
    same = [(200.0 + number % 7, 200.0 + (number + 3) % 7) for number in range(60)]
    text = drawn(prices=[price(hop, real, True), price(hop, same, False), price(hop, [], None)])
    assert re.search(r"p50  \+0\.3 ms in the hop, between", text)
    assert "no difference that stands out" in text
    assert "answered by itself" in text
    assert "could not be seen" in text
    assert "too few answers" in text


def test_names_from_the_pod_are_neutral_and_a_false_histogram_is_none() -> None:
    nasty = latency(10, to="/run/\x1b]0;owned\x07.sock", **{"E\x1b[2J": 1})
    false = Latency(
        from_container="\x1b[31m", to_container=None, to="x", kind="tcp", count=1, failures=0, p50_us=1.0,
        histogram=Histogram(buckets_per_octave=64, counts={10**9: 5}),
    )  # fmt: skip
    text = drawn(nasty, false, notes=["\u202enote"])
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_narrow_terminal() -> None:
    text = drawn(latency(*range(10, 100), ECONNREFUSED=1), width=60)
    assert all(len(line) <= 75 for line in text.splitlines())
    assert "ECONNREFUSED" in text
