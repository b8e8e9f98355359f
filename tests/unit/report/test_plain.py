"""Sentences: what is new is said, what stays is not."""

from __future__ import annotations

import msgspec

from podprobe.model import Listener
from podprobe.report.plain import sentences
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, troubled_pod

_TIME = "2026-03-01 03:12:00Z  "


def test_the_first_look_says_how_it_stands() -> None:
    lines = sentences(None, troubled_pod())
    assert lines[0] == (
        f"{_TIME}shop/shop-7d9f5c6b8-x2x4p: 8 critical findings, 21 warnings, 6 notes, 3 of 3 containers ready; "
        "not everything could be seen."
    )
    assert lines[1].startswith(f"{_TIME}critical IPC102, /dev/shm is nearly full")
    assert all("To do: " in line for line in lines[1:9])
    assert len(lines) == 1 + len(troubled_pod().findings)
    assert sentences(None, healthy_pod())[0].endswith(": nothing wrong, 2 of 2 containers ready.")


def test_nothing_new_is_nothing_said() -> None:
    later = msgspec.structs.replace(troubled_pod(), taken_at="2026-03-01T03:13:00Z", duration_ms=1)
    assert sentences(troubled_pod(), later) == []


def test_findings_come_and_go() -> None:
    pod = troubled_pod()
    fewer = msgspec.structs.replace(pod, findings=pod.findings[1:])
    gone = pod.findings[0]
    assert sentences(pod, fewer) == [f"{_TIME}Over: {gone.code}, {gone.title}, {gone.subject}."]
    (line,) = sentences(fewer, pod)
    assert line.startswith(f"{_TIME}New: {gone.severity} {gone.code}, ")


def test_other_changes_are_sentences() -> None:
    pod = healthy_pod()
    first, *rest = pod.containers
    listeners = (
        *pod.network.listeners,
        Listener(protocol="tcp", address="::", port=9090, container="webapp"),
    )
    later = msgspec.structs.replace(
        pod,
        containers=(msgspec.structs.replace(first, restarts=2, ready=False), *rest),
        network=msgspec.structs.replace(pod.network, listeners=listeners),
    )
    assert sentences(pod, later) == [
        f"{_TIME}Container {first.name}: ready was yes, is no.",
        f"{_TIME}Container {first.name}: restarts was 0, is 2.",
        f"{_TIME}Listener tcp [::]:9090 appeared.",
    ]


def test_a_hostile_pod_is_said_safely() -> None:
    for line in [
        *sentences(None, poison(troubled_pod())),
        *sentences(troubled_pod(), poison(troubled_pod())),
    ]:
        assert line.isprintable()


def test_the_next_pod_of_a_workload_is_told_from_the_start() -> None:
    target = msgspec.structs.replace(troubled_pod().target, pod="shop-7d9f5c6b8-9zzzz", uid="another")
    found = sentences(healthy_pod(), msgspec.structs.replace(troubled_pod(), target=target))
    assert found[0].endswith("shop/shop-7d9f5c6b8-x2x4p is gone; this is its successor.")
    assert [line.split("  ", 1)[1] for line in found[1:]] == [
        line.split("  ", 1)[1]
        for line in sentences(None, msgspec.structs.replace(troubled_pod(), target=target))
    ]
