"""Numbers as people read them."""

from __future__ import annotations

import pytest

from podprobe.report import units


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (12 << 20, "12 MiB"),
        ((1 << 20) - 1, "1 MiB"),
        (100 << 30, "100 GiB"),
        (1 << 80, "1048576 EiB"),
    ],
)
def test_size(count: int | None, shown: str) -> None:
    assert units.size(count) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0, "0 µs"), (17, "17 µs"), (360, "0.36 ms"), (208_000, "208 ms"), (1_234_000, "1.23 s")],
)
def test_microseconds(value: float | None, shown: str) -> None:
    assert units.microseconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0 %"),
        (1, "100 %"),
        (0.00001, "< 0.01 %"),
        (0.99999, "> 99.9 %"),
        (0.0482, "4.8 %"),
        (0.001, "0.10 %"),
    ],
)
def test_ratio(value: float | None, shown: str) -> None:
    assert units.ratio(value) == shown


def test_moment() -> None:
    assert units.moment("2026-01-01T14:00:00.123+02:00") == "2026-01-01 12:00:00Z"
    assert units.moment("2026-01-01T12:00:00Z") == "2026-01-01 12:00:00Z"
    assert units.moment("yesterday") == "yesterday"
    assert units.moment(None) == "–"
