"""What changed between two looks, per second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.times import epoch

if TYPE_CHECKING:
    from podprobe.model import Container, Counters, Snapshot


def with_rates(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """The snapshot with the rates since an earlier one of the same Pod; unchanged where there is none.

    A counter that fell (its namespace or container is a new one) has no rate.
    """
    if before is None:
        return snapshot
    now, then = epoch(snapshot.taken_at), epoch(before.taken_at)
    if now is None or then is None or now <= then:
        return snapshot
    network = msgspec.structs.replace(
        snapshot.network, counters=_counters(snapshot.network.counters, before.network.counters, now - then)
    )
    earlier = {container.name: container for container in before.containers}
    containers = tuple(
        _throttling(container, earlier.get(container.name)) for container in snapshot.containers
    )
    return msgspec.structs.replace(snapshot, network=network, containers=containers)


def _counters(now: Counters, then: Counters, seconds: float) -> Counters:
    rates = {
        name: (value - then.values[name]) / seconds
        for name, value in now.values.items()
        if name in then.values and value >= then.values[name]
    }
    return msgspec.structs.replace(now, rates=rates)


def _throttling(now: Container, then: Container | None) -> Container:
    if then is None or now.id != then.id or now.cgroup is None or then.cgroup is None:
        return now
    values = (
        now.cgroup.cpu_periods, then.cgroup.cpu_periods,
        now.cgroup.cpu_throttled_periods, then.cgroup.cpu_throttled_periods,
    )  # fmt: skip
    if None in values:
        return now
    periods = (now.cgroup.cpu_periods or 0) - (then.cgroup.cpu_periods or 0)
    throttled = (now.cgroup.cpu_throttled_periods or 0) - (then.cgroup.cpu_throttled_periods or 0)
    if periods < 0 or throttled < 0:
        return now
    ratio = throttled / periods if periods else 0.0
    return msgspec.structs.replace(now, cgroup=msgspec.structs.replace(now.cgroup, cpu_throttled_ratio=ratio))
