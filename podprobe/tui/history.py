"""Trends: what the recent snapshots said of one thing, in bounded memory."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from math import isnan, nan
from typing import TYPE_CHECKING

from podprobe.analysis.times import epoch
from podprobe.tui import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, Snapshot

LOOKS = 240
"""Looks remembered: four minutes at one a second."""

TRENDS = 4_000
"""Series kept at most (4,000 × 240 × 8 bytes = 7.3 MiB); those unseen for longest go first."""

Name = tuple[keys.Key, str]


class History:
    """Series of numbers by identity and measure, one value per look; a look that did not see it is a gap."""

    def __init__(self, looks: int = LOOKS, trends: int = TRENDS) -> None:
        self._looks = looks
        self._trends = trends
        self._series: OrderedDict[Name, array[float]] = OrderedDict()
        self._last_seen: dict[Name, int] = {}
        self._count = 0
        self._times: list[str] = []
        self._cpu: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._times)

    @property
    def count(self) -> int:
        """Looks taken in so far, forgotten ones included."""
        return self._count

    def clear(self) -> None:
        """Forget everything."""
        self._series.clear()
        self._last_seen.clear()
        self._times.clear()
        self._cpu.clear()

    def add(self, snapshot: Snapshot) -> None:
        """Take in the next look."""
        self._count += 1
        self._times.append(snapshot.taken_at)
        del self._times[: -self._looks]
        for key, measure, value in self._measures(snapshot):
            if value is not None:
                self._put((key, measure), value)
        oldest = self._count - self._looks
        while self._series:
            name = next(iter(self._series))
            if len(self._series) <= self._trends and self._last_seen[name] > oldest:
                break
            del self._series[name], self._last_seen[name]

    def series(self, key: keys.Key, measure: str) -> list[float | None]:
        """The values of one thing, oldest first, up to now; empty where it was never seen."""
        found = self._series.get((key, measure))
        if found is None:
            return []
        values = [None if isnan(value) else value for value in found]
        values.extend([None] * (self._count - self._last_seen[key, measure]))
        return values[-self._looks :]

    def seconds(self) -> float | None:
        """Time from the oldest look remembered to the newest."""
        if len(self._times) < 2:
            return None
        first, last = epoch(self._times[0]), epoch(self._times[-1])
        return None if first is None or last is None else last - first

    def _put(self, name: Name, value: float) -> None:
        values = self._series.get(name)
        if values is None:
            values = self._series[name] = array("d")
        else:
            missed = self._count - self._last_seen[name] - 1
            values.extend([nan] * min(missed, self._looks))
            self._series.move_to_end(name)
        values.append(value)
        del values[: -self._looks]
        self._last_seen[name] = self._count

    def _measures(self, snapshot: Snapshot) -> Iterator[tuple[keys.Key, str, float | None]]:
        for container in snapshot.containers:
            key = keys.of_container(container)
            if container.cgroup is not None:
                memory = container.cgroup.memory_working_set_bytes
                yield key, "memory", container.cgroup.memory_bytes if memory is None else memory
                yield key, "cpu", self._cores(container, snapshot.taken_at)
                yield key, "throttled", container.cgroup.cpu_throttled_ratio
            if container.processes is not None:
                yield key, "processes", container.processes.count
                yield key, "zombies", container.processes.zombies
        yield from self._flows(snapshot)
        found = snapshot.network.retransmits
        if found is not None and found.seconds is not None:
            yield keys.NETWORK, "sent again", found.namespace
            yield keys.NETWORK, "attributed", found.attributed
            yield keys.NETWORK, "seconds", found.seconds
        for listener in snapshot.network.listeners:
            yield keys.of_listener(listener), "backlog", listener.backlog
        for volume in snapshot.volumes:
            key = keys.of_volume(volume)
            if volume.filesystem is not None:
                yield key, "bytes", volume.filesystem.used_bytes
                yield key, "inodes", volume.filesystem.used_inodes
            if volume.usage is not None:
                yield key, "usage", volume.usage.bytes
        for latency in snapshot.latency:
            yield keys.of_latency(latency), "p50", latency.p50_us
            yield keys.of_latency(latency), "p99", latency.p99_us
        yield from _ipc_measures(snapshot)
        for name, rate in snapshot.network.counters.rates.items():
            yield keys.of_counter(name), "rate", rate

    def _flows(self, snapshot: Snapshot) -> Iterator[tuple[keys.Key, str, float | None]]:
        # The largest flows matter most, and the bound on trends holds whatever their number.
        for flow in sorted(snapshot.network.flows, key=lambda flow: flow.connections)[-self._trends // 8 :]:
            key = keys.of_flow(flow)
            yield key, "rtt", flow.rtt_us
            yield key, "retransmits", flow.retransmit_ratio
            yield key, "connections", flow.connections
            if flow.activity is not None:
                yield key, "out", flow.activity.bytes_sent_per_second
                yield key, "in", flow.activity.bytes_received_per_second
                yield key, "again", flow.activity.retransmits / flow.activity.seconds

    def _cores(self, container: Container, taken_at: str) -> float | None:
        used = container.cgroup.cpu_seconds if container.cgroup else None
        now = epoch(taken_at)
        if used is None or now is None:
            return None
        before = self._cpu.get(container.name)
        self._cpu[container.name] = used, now
        # A restarted container's counter begins anew: no rate then.
        if before is None or now <= before[1] or used < before[0]:
            return None
        return (used - before[0]) / (now - before[1])


def _ipc_measures(snapshot: Snapshot) -> Iterator[tuple[keys.Key, str, float | None]]:
    for queue in snapshot.ipc.message_queues:
        yield keys.of_message_queue(queue), "bytes", queue.bytes
    for mqueue in snapshot.ipc.posix_message_queues:
        yield keys.of_posix_queue(mqueue), "messages", mqueue.messages
    for shm in snapshot.ipc.dev_shm:
        yield keys.of_dev_shm(shm), "bytes", shm.filesystem.used_bytes
