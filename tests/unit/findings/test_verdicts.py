"""A channel is no better than the findings that it is part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from podprobe.findings.verdicts import with_verdicts
from podprobe.judging import concluded
from podprobe.model import Finding
from tests.support.samples import healthy_pod, troubled_pod

if TYPE_CHECKING:
    from podprobe.model import Channel, Snapshot
    from podprobe.model.judgement import Severity


def _finding(code: str, pointer: str, *containers: str, severity: Severity = "warning") -> Finding:
    return Finding(
        code=code, severity=severity, title="", subject="", containers=containers, pointers=(pointer,), remedy="",
        docs="",
    )  # fmt: skip


def _judged(*findings: Finding) -> Snapshot:
    return with_verdicts(replace(concluded(healthy_pod()), findings=findings))


def _touched(snapshot: Snapshot) -> dict[tuple[str, str | None, str | None], tuple[str, tuple[str, ...]]]:
    return {(one.kind, one.a, one.b): (one.health, one.findings) for one in snapshot.channels if one.findings}


def _one(snapshot: Snapshot, kind: str) -> Channel:
    return next(one for one in snapshot.channels if one.kind == kind and one.a and one.b)


def test_a_finding_about_a_connection_is_about_its_channel_alone() -> None:
    pod = concluded(healthy_pod())
    channel = _one(pod, "tcp")
    index = next(
        place
        for place, one in enumerate(pod.network.connections)
        if (one.from_container, one.to_container) == (channel.a, channel.b) and one.role == "client"
    )
    found = _judged(_finding("TCP103", f"/network/connections/{index}", channel.a or "", channel.b or ""))
    assert _touched(found) == {("tcp", channel.a, channel.b): ("degraded", ("TCP103",))}


def test_a_finding_about_a_listener_is_about_every_channel_that_ends_there() -> None:
    pod = concluded(healthy_pod())
    channel = _one(pod, "tcp")
    index, listener = next(
        (place, one)
        for place, one in enumerate(pod.network.listeners)
        if one.container == channel.b and channel.via.endswith(f":{one.port}")
    )
    found = _judged(_finding("NET107", f"/network/listeners/{index}", listener.container or ""))
    assert {(one.b, one.via.rpartition(":")[2]) for one in found.channels if one.findings} == {
        (listener.container, str(listener.port))
    }


def test_a_lock_between_two_is_no_fault_of_a_third_that_mounts_the_volume() -> None:
    pod = troubled_pod()
    shared = [one for one in pod.channels if one.kind == "volume" and one.via == "html"]
    assert len(shared) > 1
    pair = (shared[0].a or "", shared[0].b or "")
    place = shared[0].evidence[0]
    judged = with_verdicts(
        replace(
            pod,
            channels=tuple(replace(one, health="ok", findings=()) for one in pod.channels),
            findings=(_finding("VOL107", f"{place}/locks/0", *pair),),
        )
    )
    assert {(one.a, one.b) for one in judged.channels if one.findings} == {pair}


def test_the_gravest_finding_counts_and_is_named_first() -> None:
    pod = concluded(healthy_pod())
    channel = _one(pod, "tcp")
    ends = (channel.a or "", channel.b or "")
    found = _judged(
        _finding("TCP101", channel.evidence[0], *ends, severity="critical"),
        _finding("TCP104", channel.evidence[0], *ends),
    )
    assert _touched(found) == {("tcp", *ends): ("broken", ("TCP101", "TCP104"))}


@pytest.mark.parametrize(
    ("code", "severity"), [("NET104", "warning"), ("SVC101", "critical"), ("TCP107", "info")]
)
def test_what_is_no_fault_of_the_channel_leaves_it_alone(code: str, severity: Severity) -> None:
    channel = _one(concluded(healthy_pod()), "tcp")
    assert not _touched(_judged(_finding(code, channel.evidence[0], severity=severity)))


def test_a_path_fares_like_the_channels_that_it_is_made_of() -> None:
    pod = troubled_pod()
    health = {(one.a, one.b, one.via): one.health for one in pod.channels if one.kind == "tcp"}
    legs = [leg for path in pod.paths for leg in path.legs if leg.kind == "tcp"]
    assert legs
    assert all(leg.health == health[leg.from_container, leg.to_container, leg.to] for leg in legs)


def test_a_pointer_that_leads_nowhere_is_none() -> None:
    assert not _touched(_judged(_finding("TCP103", "/network/connections/99999"), _finding("TCP101", "/x/")))
