"""NET113: probes that fail though something listens."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from podprobe.model import LastExit, Probe, ProbeFailures, ProbeTrial, Snapshot
from tests.support import changes
from tests.support.changes import codes, container, only
from tests.support.samples import healthy_pod

SAID = "Readiness probe failed: HTTP probe failed with statuscode: 500"
FAILS = ProbeFailures(count=7, first_at="2026-03-01T03:05:00Z", last_at="2026-03-01T03:11:30Z", message=SAID)
"""The look is at 03:12:00."""


def probe(role: Any = "readiness", **fields: Any) -> Probe:
    return Probe(**{"role": role, "kind": "http", "port": 80, "path": "/ready", "failures": FAILS, **fields})


def pod(which: Probe, **fields: Any) -> Snapshot:
    made = container(
        0,
        probes=(which,),
        **{"ready": False, "started": True, "started_at": "2026-03-01T03:04:00Z", **fields},
    )
    return replace(made, services=tuple(replace(one, ready=False) for one in made.services))


def test_a_readiness_probe_that_keeps_failing() -> None:
    found = only("NET113", pod(probe()))
    assert (found.severity, found.subject) == ("warning", "nginx readiness probe")
    assert found.evidence[1] == f"It has failed 7 times, the last at 2026-03-01T03:11:30Z: {SAID}."
    assert found.evidence[2] == f"Service {healthy_pod().services[0].name} leaves the Pod out."
    assert "Ask nginx for /ready at port 80 over http within 1 s" in found.remedy


def test_a_try_alone_shows_it() -> None:
    tried = ProbeTrial(outcome="failed", status=500, to="http://10.244.1.17:80/ready")
    assert "NET113" in codes(pod(probe(failures=None, tried=tried)))
    assert "NET113" not in codes(pod(probe(failures=None, tried=replace(tried, outcome="partial"))))


@pytest.mark.parametrize(
    ("which", "fields"),
    [
        (probe(), {"ready": True}),
        (probe(), {"ready": None}),
        (probe(), {"started_at": "2026-03-01T03:11:40Z"}),
        (probe(initial_delay_seconds=600), {}),
        # Of an earlier run of the container.
        (probe(failures=replace(FAILS, last_at="2026-03-01T03:03:00Z")), {}),
        (probe(failures=ProbeFailures(count=0)), {}),
        (probe(failures=None), {}),
        # It is not asked before the startup probe has succeeded.
        (probe(), {"started": False}),
        (probe("startup", period_seconds=10, failure_threshold=60), {"started": False}),
        # NET105 says why.
        (probe(port=5001), {}),
    ],
)
def test_what_it_says_nothing_of(which: Probe, fields: dict[str, Any]) -> None:
    assert "NET113" not in codes(pod(which, **fields))


def test_a_pod_that_is_being_deleted() -> None:
    made = pod(probe())
    assert "NET113" not in codes(replace(made, target=replace(made.target, phase="Terminating")))
    assert "NET113" not in codes(changes.target())


def test_a_startup_probe_beyond_its_time() -> None:
    which = probe("startup", period_seconds=5, failure_threshold=30)
    assert only("NET113", pod(which, started=False)).severity == "critical"


ENDED = LastExit(exit_code=137, reason="Error", finished_at="2026-03-01T03:11:35Z")


def test_a_liveness_probe_that_restarts_its_container() -> None:
    found = only("NET113", pod(probe("liveness"), ready=True, restarts=3, last_exit=ENDED))
    assert found.severity == "critical"
    assert (
        found.evidence[0]
        == "nginx has restarted 3 times, last with exit code 137, after its liveness probe had failed."
    )
    assert not [said for said in found.evidence if "leaves the Pod out" in said]


@pytest.mark.parametrize(
    ("last", "failures"),
    [
        (replace(ENDED, exit_code=1), FAILS),
        (replace(ENDED, reason="OOMKilled"), FAILS),
        (replace(ENDED, finished_at="2026-03-01T02:00:00Z"), FAILS),
        (replace(ENDED, finished_at="2026-03-01T03:04:00Z"), FAILS),
        (ENDED, replace(FAILS, count=2)),
        (ENDED, None),
    ],
)
def test_a_restart_for_another_reason(last: LastExit, failures: ProbeFailures | None) -> None:
    made = pod(probe("liveness", failures=failures), ready=True, restarts=3, last_exit=last)
    assert "NET113" not in codes(made)
