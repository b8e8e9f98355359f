"""Events, as far as failures of probes and of images are told by them."""

from __future__ import annotations

from podprobe.targets.kubernetes.objects.wire import ListMeta, Wire


class EventSeries(Wire, frozen=True):
    """An event that came again and again, as newer reporters tell it."""

    count: int = 0
    last_observed_time: str | None = None


class InvolvedObject(Wire, frozen=True):
    """What an event is about."""

    uid: str | None = None
    field_path: str | None = None
    """`spec.containers{web}`."""


class EventObject(Wire, frozen=True):
    """An event, told by `count` and timestamps or by a series."""

    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: EventSeries | None = None
    involved_object: InvolvedObject = InvolvedObject()

    @property
    def times(self) -> int:
        """How often it came."""
        return (self.series.count if self.series else self.count) or 1

    @property
    def first(self) -> str | None:
        """When it came first."""
        return self.first_timestamp or self.event_time

    @property
    def last(self) -> str | None:
        """When it came last."""
        observed = self.series.last_observed_time if self.series else None
        return observed or self.last_timestamp or self.event_time


class EventList(Wire, frozen=True):
    """Events of a namespace."""

    metadata: ListMeta = ListMeta()
    items: tuple[EventObject, ...] = ()
