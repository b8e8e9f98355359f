"""Bounds that the health of a channel and a finding have in common: both must judge alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

DEFAULTS: dict[str, tuple[float, str]] = {
    "TCP101.critical_ratio": (0.01, "share of the segments that were sent again, from which it is critical"),
    "TCP101.warning_ratio": (0.001, "share of the segments that were sent again"),
    "TCP101.retransmits": (3, "segments sent again, below which the share says nothing"),
    "TCP104.p99_us": (10_000, "microseconds of round-trip time, 99th percentile"),
    "TCP102.warning_ratio": (0.02, "share of the segments that were sent again"),
    "TCP102.retransmits": (5, "segments sent again, below which the share says nothing"),
    "TCP105.p99_us": (10_000, "microseconds to connect, 99th percentile"),
    "TCP105.alone_us": (
        190_000,
        "microseconds from which one slow probe alone counts: a retransmission takes 200 ms",
    ),
    "IPC102.warning_ratio": (0.8, "share of the bytes of /dev/shm that is taken"),
    "IPC102.critical_ratio": (
        0.95,
        "share of the bytes of /dev/shm that is taken, from which it is critical",
    ),
    "IPC103.warning_ratio": (0.8, "share of the queue's bytes that is taken"),
    "NET107.warning_ratio": (0.8, "share of the accept queue that is taken"),
    "VOL101.warning_ratio": (0.85, "share of the filesystem's bytes that is taken"),
    "VOL101.critical_ratio": (
        0.95,
        "share of the filesystem's bytes that is taken, from which it is critical",
    ),
    "VOL102.warning_ratio": (0.85, "share of the filesystem's inodes that is taken"),
    "VOL102.critical_ratio": (
        0.95,
        "share of the filesystem's inodes that is taken, from which it is critical",
    ),
    "VOL103.warning_ratio": (0.8, "share of the sizeLimit that is taken"),
    "VOL103.critical_ratio": (0.95, "share of the sizeLimit that is taken, from which it is critical"),
}
"""Default and meaning by the threshold's full name."""


def bound(name: str, configured: Mapping[str, float]) -> float:
    """The value in force: the configuration's, else the default."""
    return configured.get(name, DEFAULTS[name][0])


def threshold(name: str, make: Callable[[float, str], T]) -> T:
    """The bound as a rule's threshold."""
    return make(*DEFAULTS[name])
