"""Failures of probes, counted from events as a kubelet reported them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podprobe.targets.kubernetes.events import counted, images_missing, probe_failures
from podprobe.targets.kubernetes.failures import ApiAccessError
from podprobe.targets.kubernetes.objects import EventList, EventObject, Pod
from podprobe.targets.kubernetes.state import pod_state
from tests.unit.kubernetes.recorded import load


class Events:
    """An API server that knows one answer, and what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def recently(self, ask: Any, kind: Any, **query: Any) -> Any:
        assert ask.resource == "events"
        self.asked.append(query)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def made(**events: Any) -> EventList:
    return msgspec.convert({"items": [events]}, EventList)


def a_pod(*probes: str) -> Pod:
    declared = {f"{role}Probe": {"tcpSocket": {"port": 80}} for role in probes}
    spec = {"containers": [{"name": "web", **declared}]}
    return msgspec.convert({"metadata": {"name": "one", "namespace": "shop", "uid": "u1"}, "spec": spec}, Pod)


def test_failures_are_told_apart_by_container_and_role() -> None:
    found = counted(load("events", EventList).items)
    assert set(found) == {("proxy", "startup"), ("lost", "readiness"), ("slow", "readiness")}
    startup = found["proxy", "startup"]
    assert (startup.count, startup.first_at, startup.last_at) == (
        4,
        "2026-11-20T14:21:09Z",
        "2026-11-20T14:21:12Z",
    )
    assert "connection refused" in (startup.message or "")


def test_what_looks_like_a_secret_stays_behind() -> None:
    message = counted(load("events", EventList).items)["lost", "readiness"].message or ""
    assert "token=[redacted]" in message
    assert "abcdef0123456789" not in message


def test_several_events_of_one_probe_add_up() -> None:
    events = [
        {"count": 3, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:01:00Z",
         "message": "Liveness probe failed: HTTP probe failed with statuscode: 500"},
        {"series": {"count": 5, "lastObservedTime": "2026-01-01T00:02:00.000000Z"},
         "eventTime": "2026-01-01T00:01:30.000000Z", "message": "Liveness probe failed: timeout"},
        {"message": "Liveness probe errored and resulted in unknown state: rpc error"},
    ]  # fmt: skip
    where = {"involvedObject": {"fieldPath": "spec.containers{web}"}}
    items = msgspec.convert({"items": [{**event, **where} for event in events]}, EventList).items
    (found,) = counted(items).values()
    assert (found.count, found.first_at, found.last_at) == (
        9,
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:02:00.000000Z",
    )
    assert found.message == "Liveness probe failed: timeout"


@pytest.mark.parametrize(
    "event",
    [
        {"message": "Readiness probe failed: x"},
        {"message": "Readiness probe failed: x", "involvedObject": {"fieldPath": "metadata.labels"}},
        {"message": "Readiness probe warning: x", "involvedObject": {"fieldPath": "spec.containers{web}"}},
        {"message": "", "involvedObject": {"fieldPath": "spec.containers{web}"}},
    ],
)
def test_what_is_no_failure_of_a_probe_is_left_out(event: dict[str, Any]) -> None:
    assert counted(made(**event).items) == {}


def test_a_pod_without_probes_is_not_asked_about() -> None:
    api: Any = Events(AssertionError("it was asked"))
    assert probe_failures(api, a_pod()) == ({}, ())
    assert api.asked == []


def test_only_the_pods_own_events_count() -> None:
    message, path = "Readiness probe failed: x", "spec.containers{web}"
    events = [
        {"message": message, "involvedObject": {"uid": uid, "fieldPath": path}} for uid in ("u0", "u1", "u1")
    ]
    api: Any = Events(msgspec.convert({"items": events}, EventList))
    failures, notes = probe_failures(api, a_pod("readiness"))
    assert failures is not None
    assert (failures["web", "readiness"].count, notes) == (2, ())
    assert "reason=Unhealthy" in api.asked[0]["fieldSelector"]


CUT: dict[str, Any] = {"metadata": {"continue": "more"}, "items": []}


def test_a_busy_namespace_hides_no_failure() -> None:
    own = {"message": "Readiness probe failed: x", "count": 7,
           "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{web}"}}  # fmt: skip
    api: Any = Events(msgspec.convert(CUT, EventList), msgspec.convert({"items": [own]}, EventList))
    failures, notes = probe_failures(api, a_pod("readiness"))
    assert failures is not None
    assert (failures["web", "readiness"].count, notes) == (7, ())
    assert api.asked[1]["fieldSelector"] == "involvedObject.uid=u1,reason=Unhealthy"


def test_what_was_not_read_to_its_end_is_not_counted() -> None:
    api: Any = Events(*(msgspec.convert(CUT, EventList) for _ in range(2)))
    failures, (note,) = probe_failures(api, a_pod("readiness"))
    assert failures is None
    assert "more than 2,000 events" in note.reason


def test_without_permission_it_is_a_note_and_nothing_is_guessed() -> None:
    api: Any = Events(ApiAccessError("you may not list events", status=403))
    failures, (note,) = probe_failures(api, a_pod("readiness"))
    assert failures is None
    assert (note.area, note.level, note.allow) == ("probes", "partial", "permission to list events")
    (container,) = pod_state(a_pod("readiness"), probe_failures=failures).containers
    assert container.probes[0].failures is None


def test_a_probe_without_events_has_not_failed() -> None:
    (container,) = pod_state(a_pod("readiness"), probe_failures={}).containers
    assert container.probes[0].failures is not None
    assert container.probes[0].failures.count == 0


def test_a_failed_pull_is_known_by_its_event() -> None:
    def warning(path: str, reason: str, message: str) -> dict[str, Any]:
        return {"reason": reason, "message": message, "involvedObject": {"fieldPath": path}}

    pull = 'Failed to pull image "127.0.0.1:1/none:1": failed to resolve image: dial tcp: connection refused'
    never = 'Container image "x:1" is not present with pull policy of Never'
    events = msgspec.convert(
        [
            warning("spec.ephemeralContainers{podprobe-a-bcdfg}", "Failed", pull),
            warning("spec.ephemeralContainers{podprobe-b-bcdfg}", "Failed", "Error: ErrImagePull"),
            warning("spec.ephemeralContainers{podprobe-c-bcdfg}", "ErrImageNeverPull", never),
            warning("spec.containers{web}", "Failed", pull),
        ],
        list[EventObject],
    )
    assert images_missing(events) == {
        "podprobe-a-bcdfg": "failed to resolve image: dial tcp: connection refused",
        "podprobe-c-bcdfg": never,
    }
